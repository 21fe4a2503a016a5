"""Text files that list images and masks."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attrs import frozen

from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from ...files import is_file, read_text
from .classmaps import implied_classes
from .scan import EXTENSIONS, SPLITS, PictureReader, homes, listed_twice, refuse, split_named, with_unique_keys

_FIX = "Expected one pair a line: image,mask or image,mask,split - or both separated by spaces."
_DEEPEST = 50
_KINDS = (".txt", ".csv", ".tsv", ".lst")


@frozen
class FileListReader(PictureReader):
    """One pair a line: ``image,mask[,split[,group]]``, separated by commas, tabs, semicolons or spaces.

    The source is one list, or a folder with one list a split (``train.txt``, ``val.txt`` ... as SegNet's CamVid has).
    Paths are relative to the list's folder, or absolute. Lists travel: a path that leads nowhere is tried again without
    its first folders, so that ``/SegNet/CamVid/train/a.jpg`` finds ``train/a.jpg`` beside the list. A header row
    (``image,mask``), empty lines and lines that begin with # are passed over.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "file-list"

    def recognises(self, source: Path) -> str | None:
        """Says how many pairs the text files list, or None for other files and for folders without lists of splits."""
        found = lists(source)
        pairs = sum(map(_is_pair, (row for path in found for row in _rows(path))))
        names = ", ".join(path.name for path in found)
        return f"found {pairs} pairs of images and masks listed in {names}" if pairs else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair of the lists, sorted by key. Raises DataError with every line that cannot be used."""
        paths = lists(source) if source.is_dir() else [source]
        problems: list[str] = []
        found = [item for path in paths for item in _items(path, problems)]
        problems += listed_twice(found)
        home = source.parent if source.is_file() else source
        unique = with_unique_keys({item.image: item for item in found}.values(), home)
        if problems:
            raise refuse(source, problems, _FIX, unique)
        if not found:
            raise DataError(f"{source} lists no images.", fix=_FIX)
        return sorted(unique, key=lambda item: item.key)

    def classes(self, source: Path) -> ClassMap | None:
        """From a class table beside the lists or above them, else binary where all masks are; None when neither."""
        places = [source.parent] if source.is_file() else list(homes(source))
        return implied_classes(places, [item.masks[0] for item in self.items(source)], self.max_pixels)


def lists(source: Path) -> list[Path]:
    """The lists of pairs: the source itself, or the files in a folder (or the only folder in it) named after splits."""
    if source.is_file():
        return [source] if _is_list(source) else []
    for home in homes(source) if source.is_dir() else ():
        found = [path for path in sorted(home.iterdir()) if split_named(path.stem) and _is_list(path)]
        if found:
            return found
    return []


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in _KINDS and path.is_file() and any(map(_is_pair, _rows(path)))


def _is_pair(row: Sequence[str]) -> bool:
    return len(row) >= 2 and all(PurePosixPath(name).suffix.lower() in EXTENSIONS for name in row[:2])


def _rows(source: Path) -> list[list[str]]:
    """The cells of every line; [] for lines to pass over, so that numbers stay those of the file."""
    lines = read_text(source).splitlines()
    try:
        rows = [[] if line.lstrip().startswith("#") else _cells(line) for line in lines]
    except csv.Error as error:
        raise DataError(f"Cannot read the list {source}: {error}.", fix=_FIX) from error
    if rows and rows[0][:2] and rows[0][0].lower() in ("image", "images", "img", "image_path"):
        rows[0] = []
    return rows


def _cells(line: str) -> list[str]:
    for delimiter in ",\t;":
        if delimiter in line:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    return line.split()


def _items(path: Path, problems: list[str]) -> list[SourceItem]:
    found = []
    for number, row in enumerate(_rows(path), 1):
        if row and (item := _item(path, number, row, problems)):
            found.append(item)
    return found


def _item(source: Path, number: int, row: Sequence[str], problems: list[str]) -> SourceItem | None:
    where = f"{source.name}, line {number}"
    if len(row) < 2 or not all(row[:2]):
        problems.append(f"{where}: expected an image and a mask, found {' '.join(row)!r}")
        return None
    image, mask = (_find(source.parent, name) for name in row[:2])
    for what, name, path in (("image", row[0], image), ("mask", row[1], mask)):
        if path is None:
            problems.append(f"{where}: the {what} {name} is not there")
    if image is None or mask is None:
        return None
    split, group = (*row[2:4], "", "")[:2]
    named = SPLITS.get(split.lower(), split) or split_named(source.stem)
    return SourceItem(image.stem, image, (mask,), named, group or None)


def _find(folder: Path, name: str) -> Path | None:
    """The file, trying ever shorter ends of its path within ``folder``."""
    whole = Path(name.replace("\\", "/"))
    if is_file(folder / whole):
        return folder / whole
    parts = [part for part in whole.parts if part not in ("..", ".", whole.anchor)][-_DEEPEST:]
    ends = (folder.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((path for path in ends if is_file(path)), None)
