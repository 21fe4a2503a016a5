"""Samples of any source as a data set, measured as ``prepare`` measures files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from attrs import field, frozen

from ...domain.arrays import IGNORE, Image, Labels
from ...domain.classes import ClassMap
from ...domain.description import DatasetInfo
from ...domain.errors import DataError, InvalidSpecError
from ...domain.listing import cut
from ...domain.ports.dataset import SampleSource
from ...domain.samples import Sample, Task
from ...domain.splitting import TRAIN
from ...domain.statistics import PixelStatistics


@frozen(eq=False)
class SampleSplit:
    """A split. Implements the port ``LabelledSource`` for any SampleSource.

    Arrays that it hands out cannot be written into: they may be the source's own.
    """

    source: SampleSource
    sizes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int, /) -> Sample:
        if index >= len(self):  # a source need not know its end
            raise IndexError(index)
        sample = self.source[index]
        return Sample(sample.key, _shown(sample.image), _shown(sample.labels))

    def labels(self, index: int, /) -> Labels:
        """A sample's labels; its image is read as well."""
        return self[index].labels

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) of an image, without reading it."""
        return self.sizes[index]


@frozen(eq=False)
class SampleDataset:
    """A data set of one's own samples. Implements the port ``Dataset``."""

    info: DatasetInfo
    classes: ClassMap
    parts: Mapping[str, SampleSplit]

    @classmethod
    def of(
        cls, name: str, classes: ClassMap | Sequence[str], *, task: Task | str | None = None, **splits: SampleSource
    ) -> SampleDataset:
        """Reads every sample once, checks and measures it.

        Args:
            name: what settings call it: ``TrainSettings(name)``.
            classes: their names in order of index, or a class map.
            task: what labels mean; of one class a pixel, which is the default, the number of classes tells the rest.
            splits: ``train`` and ``val`` to train, ``test`` to evaluate.

        Raises DataError with every sample that cannot be used, InvalidSpecError for classes or a task that cannot be.
        """
        classes = classes if isinstance(classes, ClassMap) else ClassMap.of(classes)
        task = _task(task, len(classes))
        survey = _Survey(len(classes), task)
        sizes = {split: tuple(survey.read(split, source)) for split, source in splits.items()}
        survey.raise_any(name)
        parts = {split: SampleSplit(source, sizes[split]) for split, source in splits.items() if sizes[split]}
        return cls(survey.info(name, classes, sizes), classes, parts)

    @property
    def splits(self) -> Sequence[str]:
        """Those that hold samples."""
        return tuple(self.parts)

    def split(self, name: str) -> SampleSplit:
        """Raises DataError, naming the known splits, for an unknown one."""
        if name not in self.parts:
            raise DataError(
                f"The data set {self.info.name} has no split {name!r}.", fix=f"It has: {', '.join(self.splits)}."
            )
        return self.parts[name]


@frozen(eq=False)
class _Survey:
    """What one pass over all samples finds: their sizes, what the training ones look like, and what is wrong."""

    classes: int
    task: Task
    statistics: list[PixelStatistics] = field(factory=list)
    problems: list[str] = field(factory=list)
    digest: hashlib._Hash = field(factory=hashlib.sha256)

    def read(self, split: str, source: SampleSource) -> Iterator[tuple[int, int]]:
        """(height, width) of each sample."""
        for index in range(len(source)):
            sample = source[index]
            if problem := self._problem(sample):
                self.problems.append(f"{split}, {sample.key}: {problem}")
                continue
            self.digest.update(f"{sample.key}\0{split}\0{sample.image.shape}{sample.labels.shape}".encode())
            self.digest.update(sample.image.tobytes() + sample.labels.tobytes())
            if split == TRAIN:
                self.statistics.append(PixelStatistics.of(sample.image, sample.labels, self.classes))
            height, width = sample.image.shape[:2]
            yield height, width

    def raise_any(self, name: str) -> None:
        """One DataError for all samples that cannot be used."""
        if self.problems:
            raise DataError(f"The data set {name} has samples that cannot be used.", problems=cut(self.problems))
        if not self.statistics:
            raise DataError(f"The data set {name} has no training samples.", fix=f"Give them as {TRAIN}=...")

    def info(self, name: str, classes: ClassMap, sizes: Mapping[str, Sequence[tuple[int, int]]]) -> DatasetInfo:
        """The data set described."""
        training = PixelStatistics.total(self.statistics, self.classes)
        return DatasetInfo.measured(
            classes.names,
            training,
            sizes,
            len(training.moments),
            name=name,
            task=self.task,
            seed=0,
            fingerprint=self.digest.hexdigest(),
        )

    def _problem(self, sample: Sample) -> str:
        """What is wrong with a sample; "" for nothing."""
        image, labels = sample.image, sample.labels
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
            return f"expected an image of (H, W, 1 or 3) uint8, found {image.shape} {image.dtype}"
        if self.statistics and image.shape[2] != len(self.statistics[0].moments):
            return f"the image has {image.shape[2]} channels, and the first {len(self.statistics[0].moments)}"
        size = (1, 1) if self.task is Task.CLASSIFICATION else image.shape[:2]
        shape = (*size, self.classes) if self.task.planes else size
        if labels.dtype != np.uint8 or labels.shape != shape:
            return f"expected labels of {shape} uint8 for this {self.task} image, found {labels.shape} {labels.dtype}"
        largest = 1 if self.task.planes else self.classes - 1
        unknown = np.unique(labels[(labels > largest) & (labels != IGNORE)])
        if len(unknown):
            found = ", ".join(map(str, unknown[:5].tolist()))
            return f"labels are 0 to {largest}, and {IGNORE} where a pixel does not count; found {found}"
        return ""


def _shown(array: Image) -> Image:
    """The array itself, to look at."""
    view = array.view()
    view.flags.writeable = False
    return view


def _task(task: Task | str | None, classes: int) -> Task:
    try:
        made = Task(task) if task is not None else Task.BINARY if classes == 2 else Task.MULTICLASS
    except ValueError:
        known = ", ".join(repr(one.value) for one in Task)
        raise InvalidSpecError(f"task = {task!r}: expected one of {known}.") from None
    if classes < 2 and not made.planes:
        raise InvalidSpecError(
            "A single class leaves nothing to tell it from.", fix="Name the background too, or use task='multilabel'."
        )
    return made
