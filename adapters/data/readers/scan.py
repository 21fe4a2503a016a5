"""What all readers share: listing pictures, collecting problems, reading one image and one mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from ....domain.arrays import Image, Labels
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import IncompleteSourceError, SourceItem
from ..decode import MAX_PIXELS, decode_image
from ..labels import read_labels

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff"}
    | {".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"}
)
"""Which files are taken for pictures. What they really are, the decoder finds out."""
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("holding", "holdout"), "holding"),
}
"""Names of splits in the wild, and ours."""
_JUNK = frozenset({"__macosx"})


@frozen
class PictureReader:
    """Reads the pixels of items with one mask. ``max_pixels`` is where an image counts as a decompression bomb."""

    max_pixels: int = MAX_PIXELS

    def read_image(self, item: SourceItem) -> Image:
        """(H, W, 3) uint8 RGB. Raises DataError naming the file."""
        return decode_image(item.image, max_pixels=self.max_pixels)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """(H, W) uint8 class indices of the item's only mask. Raises DataError naming file, values and pixel counts."""
        return read_labels(item.masks[0], classes, self.max_pixels)


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder itself, sorted by name; hidden files and everything else passed over."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
    )


def folders(folder: Path) -> dict[str, Path]:
    """The folders in a folder by lower-case name, sorted; hidden ones and archive leftovers passed over."""
    return {
        path.name.lower(): path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in _JUNK
    }


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders, sorted by path."""
    found = pictures(folder)
    for child in folders(folder).values():
        found.extend(pictures_below(child))
    return sorted(found)


def refuse(
    source: Path, problems: Sequence[str], fix: str = "", items: Sequence[SourceItem] = ()
) -> IncompleteSourceError:
    """The error that shows the first problems, counts the rest, and holds the ``items`` that are whole."""
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    whole = sorted(items, key=lambda item: item.key)
    return IncompleteSourceError(f"{source} cannot be used as it is: {count}.", whole, problems, fix=fix)


def require_folder(source: Path) -> None:
    """Raises DataError unless ``source`` is a folder."""
    if not source.is_dir():
        raise DataError(f"{source} is {'a file, not a folder' if source.exists() else 'not there'}.")
