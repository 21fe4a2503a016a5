"""A prepared data set, read from its folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from ...domain.arrays import Image, Labels
from ...domain.classes import ClassMap, parse_class_dict
from ...domain.description import DatasetInfo
from ...domain.errors import DataError
from ...domain.file_names import require_folder_names
from ...domain.listing import cut
from ...domain.ports.images import ImageCodec
from ...domain.ports.preparing import DatasetRow, Prepared
from ...domain.samples import Sample, Task
from ...domain.splitting import SPLITS
from ..files import is_file, read_text
from .tables import info_from_data, parse_rows
from .toml import read_toml

INFO, CLASSES, ROWS = "dataset.toml", "class_dict.csv", "metadata.csv"
IMAGES, MASKS = "images", "masks"
RUN = "run.toml"
EACH = "*"
_AGAIN = "Prepare it again, or bring the files back."
_OURS = {"schema", "fingerprint", "splits"}
"""Keys by which a dataset.toml is known: other programs have files of that name too."""
_DEPTH = 3
_SUGGESTED = 5


@frozen
class PreparedSplit:
    """The samples of one split, in order of id. Implements the port ``SampleSource``."""

    root: Path
    rows: tuple[DatasetRow, ...]
    channels: int
    codec: ImageCodec
    task: Task = Task.MULTICLASS
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        """Decodes a pair. Raises DataError when a file is broken, or no longer of the size it had."""
        row = self.rows[index]
        image = self.codec.read_image(self.root / row.stored.image, self.channels)
        self._check_size(row.stored.image, image, self.size(index))
        return Sample(row.id, image, self.labels(index))

    def labels(self, index: int) -> Labels:
        """A pair's labels alone. Raises DataError likewise."""
        row = self.rows[index]
        if self.task.planes:
            labels = self.codec.read_planes([self.root / file for file in mask_files(row.stored.mask, self.classes)])
        else:
            labels = self.codec.read_labels(self.root / row.stored.mask)
        self._check_size(row.stored.mask, labels, (1, 1) if self.task is Task.CLASSIFICATION else self.size(index))
        return labels

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) of a pair, without decoding it."""
        row = self.rows[index]
        return row.height, row.width

    def group(self, index: int) -> str:
        """The group that the source's list or layout gave a pair, or ""."""
        return self.rows[index].group

    def _check_size(self, file: str, pixels: Image | Labels, size: tuple[int, int]) -> None:
        height, width = pixels.shape[:2]
        if (height, width) != size:
            raise DataError(
                f"{self.root / file} is {height}x{width} pixels (height x width), but was "
                f"{size[0]}x{size[1]} when it was prepared.",
                fix=_AGAIN,
            )


@frozen
class PreparedDataset:
    """What ``prepare`` wrote. Implements the port ``Dataset``; images are decoded when asked for."""

    root: Path
    info: DatasetInfo
    classes: ClassMap
    rows: tuple[DatasetRow, ...]
    codec: ImageCodec

    @property
    def splits(self) -> Sequence[str]:
        """Those that hold an image, in the order train, val, test, holding."""
        return [name for name in SPLITS if self.info.split_sizes.get(name)]

    def split(self, name: str) -> PreparedSplit:
        """Raises DataError, naming the known splits, for an unknown one."""
        if name not in self.splits:
            raise DataError(
                f"The data set {self.root} has no split {name!r}.", fix=f"It has: {', '.join(self.splits)}."
            )
        rows = tuple(row for row in self.rows if row.split == name)
        return PreparedSplit(self.root, rows, self.info.channels, self.codec, self.info.task, self.classes.names)


def open_dataset(root: Path, codec: ImageCodec) -> PreparedDataset:
    """Reads the tables and looks for the files. Raises DataError with all that is missing or does not fit."""
    if not (root / INFO).is_file():
        raise _no_dataset(root)
    info = info_from_data(read_toml(root / INFO, DataError), str(root / INFO))
    classes = parse_class_dict(read_text(root / CLASSES), str(root / CLASSES))
    rows = parse_rows(read_text(root / ROWS), str(root / ROWS))
    problems = [*_disagreements(info, classes, rows), *_missing(root, rows, classes.names)]
    if problems:
        raise DataError(f"The data set {root} has changed since it was prepared.", problems=cut(problems), fix=_AGAIN)
    return PreparedDataset(root, info, classes, tuple(rows), codec)


def prepared_within(source: Path) -> Prepared | None:
    """The tables of a prepared data set that ``source`` is, or wraps as the only folder in its place; else None."""
    for _ in range(_DEPTH):
        if is_file(source / INFO) and is_file(source / ROWS):
            return _prepared(source)
        inside = _folders(source)
        if len(inside) != 1:
            return None
        (source,) = inside
    return None


def _prepared(root: Path) -> Prepared | None:
    data = read_toml(root / INFO, DataError)
    if not data.keys() >= _OURS:
        return None
    rows = parse_rows(read_text(root / ROWS), str(root / ROWS))
    known = {task.value: task for task in Task}
    return Prepared(root, str(data.get("source", "")), known.get(str(data.get("task"))), tuple(rows))


def _no_dataset(root: Path) -> DataError:
    """The error for a folder without a data set: what it is instead, and which one may be meant."""
    if not root.exists():
        return DataError(
            f"{root} does not exist.",
            fix=f"Make one: segport prepare SOURCE {root}. One that was moved can be named with --data.",
        )
    if is_file(root / RUN):
        return DataError(
            f"{root} is a run, not a prepared data set.",
            fix=f"Give the data set that it was trained on, which {root / RUN} names, or another.",
        )
    return DataError(f"{root} is no prepared data set: it holds no {INFO}.", fix=_meant_instead(root))


def _meant_instead(root: Path) -> str:
    """Data sets in the folder, or the one that was prepared from it; else how to make one of it."""
    beside = f"{root}-prepared" if root.name not in ("", "..") else "OUT"
    there = [str(folder) for folder in (*_folders(root), Path(beside)) if is_file(folder / INFO)]
    if there:
        return f"Did you mean {' or '.join(cut(there, _SUGGESTED))}?"
    return f"Make one: segport prepare {root} {beside}."


def _folders(folder: Path) -> list[Path]:
    """Those in a folder, sorted, hidden ones passed over; none where it cannot be listed."""
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []


def mask_files(mask: str, classes: Sequence[str]) -> list[str]:
    """The files of a mask: one, or of planes one a class, whose name stands in place of the star."""
    return [mask.replace(EACH, name) for name in classes] if EACH in mask else [mask]


def _disagreements(info: DatasetInfo, classes: ClassMap, rows: Sequence[DatasetRow]) -> list[str]:
    if info.task.planes:
        require_folder_names(classes.names)
    problems = []
    if classes.names != tuple(info.pixel_counts):
        problems.append(f"{CLASSES} names {', '.join(classes.names)}; {INFO} {', '.join(info.pixel_counts)}")
    ids = Counter(row.id for row in rows)
    problems += [f"{ROWS} has the id {key!r} {count} times" for key, count in ids.items() if count > 1]
    counts = {name: sum(row.split == name for row in rows) for name in {row.split for row in rows}}
    if counts != {name: size for name, size in info.split_sizes.items() if size}:
        problems.append(f"{ROWS} has splits of {counts}; {INFO} says {dict(info.split_sizes)}")
    return problems


def _missing(root: Path, rows: Sequence[DatasetRow], classes: Sequence[str]) -> list[str]:
    """Listing the few folders is quicker than asking for every file. Images alone may lie elsewhere (--reference)."""
    there: set[str] = set()
    for folder in (IMAGES, MASKS, *(f"{MASKS}/{name}" for name in classes)):
        with suppress(OSError, ValueError):  # also for a class's name that no folder can have
            there.update(f"{folder}/{name}" for name in os.listdir(root / folder))
    problems = []
    for row in rows:
        masks = mask_files(row.stored.mask, classes)
        for file in (row.stored.image, *masks):
            if ".." in Path(file).parts or (file in masks and Path(file).is_absolute()):
                problems.append(f"{file} leads out of the data set")
            elif file not in there and not is_file(root / file):
                problems.append(f"{file} is missing")
    return problems
