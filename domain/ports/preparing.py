"""Where prepared data sets are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

from attrs import frozen

from ..arrays import Image, Labels
from ..classes import ClassMap
from ..description import DatasetInfo
from ..samples import Task
from .dataset import Dataset, SourceItem


@frozen
class StoredPair:
    """Where a pair went (relative to the data set, or absolute where only referred to), and SHA-256 of both files.

    Planes are a file a class: ``masks/*/a.png``, where ``*`` stands for each class; their hash is of all hashes.
    """

    image: str
    mask: str
    image_sha256: str
    mask_sha256: str


@frozen
class DatasetRow:
    """One line of ``metadata.csv``."""

    id: str
    split: str
    stored: StoredPair
    height: int
    width: int
    group: str = ""

    @property
    def referred(self) -> bool:
        """Whether the image lies outside the data set."""
        return Path(self.stored.image).is_absolute()


@frozen
class Prepared:
    """What a source that is itself a prepared data set says of its images.

    Attributes:
        root: the data set's own folder; the source may only wrap it.
        source: where it was prepared from, as the user said it then.
        task: None where nothing known stands there.
        rows: of its table, in their order.
    """

    root: Path
    source: str
    task: Task | None
    rows: tuple[DatasetRow, ...]


class DatasetWriter(Protocol):
    """A data set being written, as a context. Before ``finish`` nothing stands at its place; without, nothing stays."""

    def __enter__(self) -> DatasetWriter: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def store(
        self, item: SourceItem, image: Image, labels: Labels, classes: ClassMap, *, changed: bool = False
    ) -> StoredPair:
        """Keeps one pair: the image file as it is, or ``image`` where it must be converted or was ``changed``.

        Arrays are copied. Thread-safe. Raises DataError for a key that no file can have.
        """
        ...

    def finish(self, info: DatasetInfo, classes: ClassMap, rows: Sequence[DatasetRow]) -> Path:
        """Drops stored pairs that are not in ``rows``, writes the tables, and moves everything to its place.

        Of the classes it keeps names and colours: in what was stored the value of each is its index.
        """
        ...


@runtime_checkable
class KnowsPrepared(Protocol):
    """A store that can tell whether a source is a data set that was prepared before, whose splits are to be kept."""

    def prepared(self, source: Path) -> Prepared | None:
        """What it says of its images; None for any other source. Raises DataError when its tables are broken."""
        ...


class DatasetStore(Protocol):
    """Creates and opens prepared data sets, and reads the small files that go into them.

    One that has its data sets from elsewhere may refuse all but ``open`` with DataError.
    """

    def create(self, out: Path, *, reference: bool = False) -> DatasetWriter:
        """Raises DataError when ``out`` holds anything, or as it is entered while another is being made there.

        ``reference`` leaves images where they are.
        """
        ...

    def open(self, path: Path) -> Dataset:
        """Raises DataError with everything that is wrong with it."""
        ...

    def survey(self, source: Path) -> str:
        """What a folder holds, in one line. Raises DataError when it does not exist or is empty."""
        ...

    def read_classes(self, path: Path) -> ClassMap:
        """From class_dict.csv, or a text file with one name a line."""
        ...

    def read_splits(self, path: Path) -> Mapping[str, str]:
        """Id to split, from a CSV file with the columns id,split."""
        ...
