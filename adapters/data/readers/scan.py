"""What all readers share: listing pictures, collecting problems, reading one image and one mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from ....domain.arrays import Image, Labels
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import IncompleteSourceError, SourceItem
from ..decode import decode_image
from ..labels import read_labels
from ..pictures import MAX_PIXELS

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
_DEPTH = 3


@frozen
class PictureReader:
    """Reads the pixels of items with one mask.

    Attributes:
        max_pixels: an image of more counts as a decompression bomb.
    """

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


def split_named(text: str) -> str | None:
    """The split that a file or folder is named after: "train" for "train2017" and "Training"; None for none."""
    return SPLITS.get(text.lower().rstrip("0123456789_-"))


def homes(source: Path) -> Iterator[Path]:
    """The source, and the folders that only wrap another (``VOCdevkit/VOC2012``): each the only one in its place."""
    for _ in range(_DEPTH):
        yield source
        inside = list(folders(source).values())
        if len(inside) != 1:
            return
        source = inside[0]


def side_by_side(source: Path, images: str, masks: Sequence[str]) -> tuple[Path, Path] | None:
    """The folder ``images`` and the first there is of ``masks`` beside it, by lower-case names; None without both."""
    for home in homes(source) if source.is_dir() else ():
        inside = folders(home)
        beside = next((inside[name] for name in masks if name in inside), None)
        if images in inside and beside:
            return inside[images], beside
    return None


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders, sorted by path."""
    found = pictures(folder)
    for child in folders(folder).values():
        found.extend(pictures_below(child))
    return sorted(found)


def listed_twice(items: Iterable[SourceItem]) -> list[str]:
    """What to say of images that are listed more than once."""
    counts = Counter(item.image for item in items)
    return [f"{path}: listed {count} times" for path, count in counts.items() if count > 1]


def with_unique_keys(items: Iterable[SourceItem], source: Path) -> list[SourceItem]:
    """Stems as keys; where some are equal, the split goes in front, or else the folders, with the suffix at the end.

    Raises DataError, naming two files, where all that leaves equal ones: ``a-b/c.png`` beside ``a/b-c.png``.
    """
    items = list(items)

    def path(item: SourceItem) -> Path:
        return _within(item.image, source)

    for key in (
        lambda item: item.key,
        lambda item: f"{item.split}-{item.key}",
        lambda item: "-".join(path(item).with_suffix("").parts),
        lambda item: "-".join((*path(item).with_suffix("").parts, path(item).suffix[1:])),
    ):
        keys = [key(item) for item in items]
        if len(set(keys)) == len(keys):
            return [evolve(item, key=one) for item, one in zip(items, keys, strict=True)]
    (one, _), *_ = Counter(keys).most_common(1)
    equal = [str(item.image) for item, key in zip(items, keys, strict=True) if key == one]
    raise DataError(f"{' and '.join(equal)} would have one id, {one}.", fix="Rename one of them.")


def _within(path: Path, folder: Path) -> Path:
    return path.relative_to(folder if path.is_relative_to(folder) else path.anchor)


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
