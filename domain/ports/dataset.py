"""Where samples come from, and how they become batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from attrs import field, frozen

from ..arrays import Image, Labels, Planes
from ..augmentation.policy import AugmentationPolicy
from ..classes import ClassMap
from ..description import DatasetInfo
from ..errors import DataError
from ..listing import cut
from ..resampling import Fit, Size
from ..samples import Batch, Sample, Task

Item = TypeVar("Item")
Result = TypeVar("Result")


class SampleSource(Protocol):
    """A fixed sequence of samples: one index gives the same whenever it is asked for, and before augmentation.

    Thread-safe: several workers index it at once.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Sample: ...


@runtime_checkable
class KnowsSizes(Protocol):
    """A source that can tell the (height, width) of an image without decoding it. Spares a pass over the data."""

    def size(self, index: int) -> Size:
        """(height, width) of the native image."""
        ...


@runtime_checkable
class KnowsGroups(Protocol):
    """A source whose images may belong together, as those of one patient, slide or film do."""

    def group(self, index: int) -> str:
        """The name of the image's group, or ""."""
        ...


class LabelledSource(SampleSource, Protocol):
    """Samples whose labels can be had alone: a split of a data set.

    An index beyond the end raises IndexError, by which ``for sample in split`` ends. What is handed out is a copy or
    cannot be written into: whatever is done with it, the next reading gives the same.
    """

    def labels(self, index: int, /) -> Labels:
        """A sample's labels. Its image is not decoded."""
        ...


class Dataset(Protocol):
    """A prepared data set: named splits of samples, and what is known about them.

    Images are (H, W, C) uint8, of as many channels as ``info`` says; labels are what its task means by them.
    """

    @property
    def info(self) -> DatasetInfo:
        """What was measured, of these samples."""
        ...

    @property
    def classes(self) -> ClassMap:
        """Names, colours and indices."""
        ...

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits that hold images."""
        ...

    def split(self, name: str) -> LabelledSource:
        """Raises DataError, naming the known splits, for an unknown one."""
        ...


@frozen
class Shard:
    """Which part of every global batch this process takes: every ``world``-th sample from ``rank`` on."""

    rank: int = 0
    world: int = 1


class BatchSource(Protocol):
    """Batches of a split, a pure function of (seed, epoch), so that a resumed run sees what it would have seen."""

    def __len__(self) -> int: ...
    def batches(self, epoch: int, start: int = 0, shard: Shard = Shard()) -> Iterator[Batch]:
        """The epoch's batches from number ``start`` on. Closing the iterator stops its workers."""
        ...


@frozen
class TrainingPlan:
    """How training batches are drawn: crops of ``size`` (height, width) under an augmentation policy."""

    size: tuple[int, int]
    batch: int
    seed: int
    fit: Fit
    augmentation: AugmentationPolicy
    workers: int = 2
    cache: bool = True


@frozen
class ViewingPlan:
    """How whole images are fitted: ``native`` pads to a multiple of ``stride``; the others resize to ``size``."""

    fit: Fit
    size: tuple[int, int]
    stride: int
    batch: int
    workers: int = 2


class Batcher(Protocol):
    """Turns a source into batches."""

    def training(self, source: SampleSource, plan: TrainingPlan) -> BatchSource:
        """Shuffled, augmented, equal-sized batches; the last short one is dropped unless it is the only one."""
        ...

    def viewing(self, source: SampleSource, plan: ViewingPlan) -> BatchSource:
        """Every image once, in order of index, unaugmented, with frames and natives. Short batches are kept."""
        ...


class Executor(Protocol):
    """An ordered map over items, bounded in memory: results come in the order of the items."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
        """What the function gives for each item. Its exceptions are raised at the item's place.

        Closing it drops what has not begun and waits for what has: do so before clearing up after an interruption.
        """
        ...


@frozen
class SourceItem:
    """One image and its mask files as a reader found them.

    ``read_labels`` gives raw labels -> class indices through the class map; several mask files are combined by the
    reader's own, documented rule.

    Attributes:
        key: id in the data set.
        image: file of the image.
        masks: files that say what is where; a table or JSON file for many images may be among them.
        split: where the layout says so.
        group: images of one group stay in one split.
        annotations: what the reader found in such a file; its own business.
        embedded: the image lies within ``image``, which is no picture file, and only the reader can read it.
    """

    key: str
    image: Path
    masks: tuple[Path, ...]
    split: str | None = None
    group: str | None = None
    annotations: tuple[Any, ...] = field(default=(), eq=False, repr=False)
    embedded: bool = False


class IncompleteSourceError(DataError):
    """Images without masks and the like.

    Attributes:
        items: the pairs that are whole, sorted by key, for those who leave the rest out.
        orphans: every problem, worst first; ``problems`` may be cut short.
    """

    def __init__(self, message: str, items: Sequence[SourceItem], orphans: Sequence[str], *, fix: str = "") -> None:
        self.items = tuple(items)
        self.orphans = tuple(orphans)
        super().__init__(message, problems=cut(orphans), fix=fix)


@runtime_checkable
class KnowsTask(Protocol):
    """A reader that knows what its labels mean. Of others the number of classes decides."""

    @property
    def task(self) -> Task:
        """``CLASSIFICATION`` where labels are (1, 1), of whole images."""
        ...


@runtime_checkable
class ReadsPlanes(Protocol):
    """A reader that can also keep classes apart that overlap."""

    def read_planes(self, item: SourceItem, classes: ClassMap) -> Planes:
        """(H, W, K) uint8 of 0, 1 and IGNORE, one plane a class of the map, which has none for background.

        Raises DataError as ``Reader.read_labels``.
        """
        ...


class Reader(Protocol):
    """Understands one layout of images and masks on disk. Several threads read with one reader at the same time."""

    @property
    def name(self) -> str:
        """What users write after --reader."""
        ...

    def recognises(self, source: Path) -> str | None:
        """Why this reader fits the folder ("found images/ and masks/ ..."), or None when it does not."""
        ...

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair, sorted by key. Raises IncompleteSourceError for orphans and duplicate stems, all at once."""
        ...

    def classes(self, source: Path) -> ClassMap | None:
        """The class map the layout implies or carries (class_dict.csv), or None when the user must give one."""
        ...

    def read_image(self, item: SourceItem) -> Image:
        """Decoded RGB image. Raises DataError naming the file."""
        ...

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Class indices, IGNORE where the class map says so. Raises DataError naming file, value and pixel count."""
        ...
