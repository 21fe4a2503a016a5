"""Data set stores under check, and the small data sets they are given to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from attrs import frozen

from ...domain.arrays import IGNORE
from ...domain.classes import ClassMap, SegmentClass
from ...domain.description import DatasetInfo
from ...domain.ports.dataset import Dataset, SourceItem
from ...domain.ports.preparing import DatasetRow, DatasetStore, DatasetWriter, StoredPair
from ...domain.samples import Sample, Task
from ...domain.statistics import PixelStatistics
from . import expect

_SPLITS = ("train", "train", "train", "val", "val", "test")
_COLOURS = {"sky, clear": (1, 2, 3), "sea": (70, 60, 50), 'land "ice"': (255, 255, 255)}
_CLASSES = ClassMap(tuple(SegmentClass(name, colour, (i,)) for i, (name, colour) in enumerate(_COLOURS.items())))
_FOLDERS = ClassMap.of(["sky", "sea", "land"])
"""Of planes, which may be a folder a class."""


@frozen(eq=False)
class DatasetStoreSubject:
    """A data set store under check.

    Attributes:
        make: gives a store without any data set but ``ready``. Its argument is an empty folder, in which the paths of
            all data sets will be; a store that keeps them elsewhere may take them for mere names.
        ready: of a store that creates none: what opens a data set that it has.
    """

    make: Callable[[Path], DatasetStore]
    ready: Path | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return "data set store"

    @contextmanager
    def creating(self) -> Iterator[tuple[DatasetStore, Path]]:
        """A fresh one that creates data sets, and a path for one."""
        if self.ready is not None:
            raise expect.Lacking("a store that creates data sets")
        with self.fresh() as (store, path):
            yield store, path

    @contextmanager
    def fresh(self) -> Iterator[tuple[DatasetStore, Path]]:
        """A fresh one, and a path in a folder that is not there yet."""
        with TemporaryDirectory() as folder:
            yield self.make(Path(folder)), Path(folder) / "data" / "set"


@frozen(eq=False)
class Small:
    """A data set of a few samples, to be kept.

    Attributes:
        pairs: by key, the split of a sample, and the sample.
    """

    task: Task
    pairs: Mapping[str, tuple[str, Sample]]

    @classmethod
    def of(cls, task: Task = Task.MULTICLASS) -> Small:
        """Samples in three splits, each of another size."""
        made = [(split, sample_of(number, task)) for number, split in enumerate(_SPLITS)]
        return cls(task, {sample.key: (split, sample) for split, sample in made})

    @property
    def classes(self) -> ClassMap:
        """Of its task."""
        return {Task.BINARY: ClassMap.binary("blob"), Task.MULTILABEL: _FOLDERS}.get(self.task, _CLASSES)

    @property
    def info(self) -> DatasetInfo:
        """What is measured of it."""
        sizes: dict[str, list[tuple[int, int]]] = {}
        for split, sample in self.pairs.values():
            sizes.setdefault(split, []).append((sample.image.shape[0], sample.image.shape[1]))
        names = self.classes.names
        training = [sample for split, sample in self.pairs.values() if split == "train"]
        measured = (PixelStatistics.of(sample.image, sample.labels, len(names)) for sample in training)
        return DatasetInfo.measured(
            names,
            PixelStatistics.total(measured, len(names)),
            sizes,
            channels=3,
            name="set",
            task=self.task,
            seed=41,
            fingerprint="0123",
            source="somewhere",
            reader="nobody",
            warnings=('the class "sea" is rare', "two\nlines"),
        )

    def save(self, store: DatasetStore, path: Path) -> None:
        """Creates it there."""
        with store.create(path) as writer:
            self.finish(writer, self.store(writer))

    def begin(self, store: DatasetStore, path: Path, fault: type[BaseException] | None = None) -> None:
        """Creates it there as far as before its end, and leaves it, with an error where one is given."""
        with store.create(path) as writer:
            self.store(writer)
            if fault is not None:
                raise fault

    def store(self, writer: DatasetWriter) -> list[DatasetRow]:
        """Hands in every pair."""
        return [self.row(key, self.store_one(writer, sample)) for key, (_, sample) in self.pairs.items()]

    def store_one(self, writer: DatasetWriter, sample: Sample, image: Path | None = None) -> StoredPair:
        """Hands in a pair, of an image file or of none."""
        item = SourceItem(sample.key, image or Path("nowhere.bin"), (), embedded=image is None)
        return writer.store(item, sample.image, sample.labels, self.classes)

    def row(self, key: str, stored: StoredPair) -> DatasetRow:
        """The line of a pair that was handed in."""
        split, sample = self.pairs[key]
        return DatasetRow(key, split, stored, sample.image.shape[0], sample.image.shape[1])

    def finish(self, writer: DatasetWriter, rows: list[DatasetRow]) -> Path:
        """Gives where it is."""
        return writer.finish(self.info, self.classes, rows)

    def held_by(self, found: Dataset) -> None:
        """Raises CheckFailed unless that has these samples in these splits, and no others."""
        said = {name: len(found.split(name)) for name in found.splits}
        splits = [split for split, _ in self.pairs.values()]
        wanted = {split: splits.count(split) for split in splits}
        expect.that(said == wanted, f"{self.task}: splits of {said}, expected {wanted}")
        for name, size in said.items():
            for index in range(size):
                sample = found.split(name)[index]
                split, right = self.pairs.get(sample.key, ("none", sample))
                expect.that(split == name, f"{self.task}: {sample.key!r} is in {name}, expected in {split}")
                same_sample(f"{self.task}, {name}[{index}]", sample, right)


def sample_of(number: int, task: Task = Task.MULTICLASS) -> Sample:
    """One that no other number gives, with an ignored pixel where there are several."""
    generator, size, classes = np.random.default_rng(number), (6 + number, 5), len(_CLASSES)
    shape = {Task.CLASSIFICATION: (1, 1), Task.MULTILABEL: (*size, classes)}.get(task, size)
    labels = generator.integers(0, 2 if task in (Task.BINARY, Task.MULTILABEL) else classes, shape).astype(np.uint8)
    if task is not Task.CLASSIFICATION:
        labels[0, 0] = IGNORE
    return Sample(f"key {number}", generator.integers(0, 256, (*size, 3)).astype(np.uint8), labels)


def same_sample(what: str, found: Sample, right: Sample) -> None:
    """Raises CheckFailed unless key, image and labels are the same."""
    expect.that(found.key == right.key, f"{what}: it is called {found.key!r}, expected {right.key!r}")
    expect.equal(f"{what}: the image of {right.key!r}", found.image, right.image)
    expect.equal(f"{what}: labels of {right.key!r}", found.labels, right.labels)
