"""A text file that lists images and masks."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attrs import evolve, frozen

from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from .classmaps import implied_classes
from .scan import EXTENSIONS, SPLITS, PictureReader, refuse

_FIX = "Expected one pair a line: image,mask or image,mask,split - or both separated by spaces."
_KINDS = (".txt", ".csv", ".tsv", ".lst")


@frozen
class FileListReader(PictureReader):
    """One pair a line: ``image,mask[,split[,group]]``, separated by commas, tabs, semicolons or spaces.

    Paths are relative to the list's folder, or absolute. Lists travel: a path that leads nowhere is tried again without
    its first folders, so that ``/SegNet/CamVid/train/a.jpg`` finds ``train/a.jpg`` beside the list. A header row
    (``image,mask``), empty lines and lines that begin with # are passed over.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "file-list"

    def recognises(self, source: Path) -> str | None:
        """Says how many pairs a text file lists, or None for folders and other files."""
        if not source.is_file() or source.suffix.lower() not in _KINDS:
            return None
        rows = [row for row in _rows(source) if len(row) >= 2 and _named_like_picture(row[0])]
        return f"found {len(rows)} pairs of images and masks listed in {source.name}" if rows else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair of the list, sorted by key. Raises DataError with every line that cannot be used."""
        problems: list[str] = []
        found = [item for number, row in enumerate(_rows(source), 1) if (item := _item(source, number, row, problems))]
        problems += _repeated(found)
        if problems:
            once = list({item.image: item for item in found}.values())
            raise refuse(source, problems, _FIX, _with_unique_keys(once, source.parent))
        if not found:
            raise DataError(f"{source} lists no images.", fix=_FIX)
        return sorted(_with_unique_keys(found, source.parent), key=lambda item: item.key)

    def classes(self, source: Path) -> ClassMap | None:
        """From a class table beside the list, else binary where all masks are; None when neither."""
        return implied_classes([source.parent], [item.masks[0] for item in self.items(source)], self.max_pixels)


def _rows(source: Path) -> list[list[str]]:
    """The cells of every line; [] for lines to pass over, so that numbers stay those of the file."""
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the list {source}: {error}.", fix=_FIX) from error
    rows = [[] if line.lstrip().startswith("#") else _cells(line) for line in lines]
    if rows and rows[0][:2] and rows[0][0].lower() in ("image", "images", "img", "image_path"):
        rows[0] = []
    return rows


def _cells(line: str) -> list[str]:
    for delimiter in ",\t;":
        if delimiter in line:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    return line.split()


def _named_like_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in EXTENSIONS


def _item(source: Path, number: int, row: Sequence[str], problems: list[str]) -> SourceItem | None:
    if not row:
        return None
    if len(row) < 2 or not all(row[:2]):
        problems.append(f"line {number}: expected an image and a mask, found {' '.join(row)!r}")
        return None
    image, mask = (_find(source.parent, name) for name in row[:2])
    for what, name, path in (("image", row[0], image), ("mask", row[1], mask)):
        if path is None:
            problems.append(f"line {number}: the {what} {name} is not there")
    if image is None or mask is None:
        return None
    split, group = (*row[2:4], "", "")[:2]
    return SourceItem(image.stem, image, (mask,), SPLITS.get(split.lower(), split) or None, group or None)


def _find(folder: Path, name: str) -> Path | None:
    """The file, trying ever shorter ends of its path within ``folder``."""
    whole = Path(name.replace("\\", "/"))
    if (folder / whole).is_file():
        return folder / whole
    parts = [part for part in whole.parts if part not in ("..", ".", whole.anchor)]
    ends = (folder.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((path for path in ends if path.is_file()), None)


def _repeated(items: Sequence[SourceItem]) -> list[str]:
    counts = Counter(item.image for item in items)
    return [f"{path}: listed {count} times" for path, count in counts.items() if count > 1]


def _with_unique_keys(items: Sequence[SourceItem], folder: Path) -> list[SourceItem]:
    """The stem is the key; where images in different folders share one, the whole path within ``folder`` is."""
    if len({item.key for item in items}) == len(items):
        return list(items)
    return [evolve(item, key="-".join(_within(item.image, folder).with_suffix("").parts)) for item in items]


def _within(path: Path, folder: Path) -> Path:
    return path.relative_to(folder if path.is_relative_to(folder) else path.anchor)
