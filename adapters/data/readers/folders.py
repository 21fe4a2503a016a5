"""Folders of images beside folders of masks, with the same names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from .classmaps import implied_classes
from .classmasks import class_masks
from .filelist import lists
from .openimages import tables
from .pairing import match
from .scan import SPLITS, PictureReader, folders, pictures, pictures_below, refuse, require_folder, with_unique_keys

_IMAGES = ("images", "image", "imgs", "img", "inputs", "input", "rgb", "stills")
_MASKS = (
    *("masks", "mask", "labels", "label", "annotations", "annotation", "annot", "segmentations", "gt", "targets"),
    *("labelsrgb", "labels_rgb"),
)
_BESIDE = ("_labels", "_label", "labels", "_masks", "_mask", "masks", "_annotations", "_annot", "annotations", "annot")
_DEPTH = 2
_FIX = "Every image needs one mask of the same name (endings such as _mask, _label and _L may follow it)."


@frozen
class _Part:
    """A folder of images and its folder of masks."""

    images: Path
    masks: Path
    split: str | None = None


@frozen
class FolderReader(PictureReader):
    """Images and masks matched by name, in one of these layouts.

    - ``images/`` and ``masks/`` (or label, annotations ...), flat, or each with train/, val/, test/ within
    - ``train/images`` and ``train/masks``, likewise val and test
    - ``train/`` and ``train_labels/`` (or trainannot ...), likewise val and test

    The source may hold all this one or two folders further down, if there is nothing beside it.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "folders"

    def recognises(self, source: Path) -> str | None:
        """Names the folders found, or None; None, too, where other readers know more: of lists, tables and classes."""
        if not source.is_dir() or lists(source) or tables(source) or class_masks(source):
            return None
        parts = [part for part in _parts(source) if _may_hold_masks(part.masks)]
        pairs = [f"{part.images.name}/ and {part.masks.name}/ in {part.images.parent}" for part in parts]
        return f"found {'; '.join(pairs)}" if pairs else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair, sorted by key. Raises DataError with all orphans, repeated names, or what was looked for."""
        require_folder(source)
        problems: list[str] = []
        found = [item for part in _parts(source) for item in _items(source, part, problems)]
        if problems:
            raise refuse(source, problems, _FIX, with_unique_keys(found, source))
        if not found:
            raise _nothing_in(source)
        return sorted(with_unique_keys(found, source), key=lambda item: item.key)

    def classes(self, source: Path) -> ClassMap | None:
        """From class_dict.csv, a list of names, or binary masks; None when nothing says what the values mean."""
        parts = _parts(source)
        near = [folder for part in parts for folder in (part.masks.parent, part.images, part.masks)]
        above = [folder for part in parts for folder in part.masks.parents if folder.is_relative_to(source)]
        masks = [path for part in parts for path in pictures_below(part.masks)]
        return implied_classes(dict.fromkeys([source, *above, *near]), masks, self.max_pixels)


def _parts(source: Path, depth: int = _DEPTH) -> list[_Part]:
    """The pairs of folders in ``source``, or in the only folder within it."""
    inside = folders(source)
    images, masks = _first(inside, _IMAGES), _first(inside, _MASKS)
    if images and masks:
        return [_Part(images, _unwrapped(masks))]
    parts = [part for name, folder in inside.items() if name in SPLITS for part in _split(name, folder, inside)]
    if parts or depth == 0 or len(inside) != 1:
        return parts
    return _parts(next(iter(inside.values())), depth - 1)


def _split(name: str, folder: Path, siblings: dict[str, Path]) -> list[_Part]:
    within = folders(folder)
    images, masks = _first(within, _IMAGES), _first(within, _MASKS)
    if images and masks:
        return [_Part(images, _unwrapped(masks), SPLITS[name])]
    beside = _first(siblings, [name + ending for ending in _BESIDE])
    return [_Part(folder, beside, SPLITS[name])] if beside else []


def _may_hold_masks(folder: Path) -> bool:
    """Whether a folder holds pictures, or nothing yet. With text files alone, or JSON, it is something else."""
    if any(folder.glob("*.json")):
        return False
    return bool(pictures_below(folder)) or not any(path.is_file() for path in folder.rglob("*"))


def _first(inside: dict[str, Path], names: Sequence[str]) -> Path | None:
    return next((inside[name] for name in names if name in inside), None)


def _unwrapped(masks: Path) -> Path:
    """``annotations/trimaps`` for ``annotations``, where that is the only folder of pictures in it."""
    if pictures(masks) or any(masks.glob("*.json")):
        return masks
    inside = [folder for name, folder in folders(masks).items() if name not in SPLITS and pictures(folder)]
    holds_splits = any(name in SPLITS for name in folders(masks))
    return inside[0] if len(inside) == 1 and not holds_splits else masks


def _items(source: Path, part: _Part, problems: list[str]) -> list[SourceItem]:
    """The pairs of one part; what is wrong with it goes to ``problems``."""
    pairs, found = match(source, part.images, part.masks)
    problems.extend(found)
    return [_item(name, image, mask, part.split) for name, image, mask in pairs]


def _item(name: str, image: Path, mask: Path, split: str | None) -> SourceItem:
    """``name`` is the path below the folder of images, where the first folder may be a split."""
    first, *rest = name.split("/")
    if split is None and rest and first.lower() in SPLITS:
        return SourceItem("-".join(rest), image, (mask,), SPLITS[first.lower()])
    return SourceItem("-".join([first, *rest]), image, (mask,), split)


def _nothing_in(source: Path) -> DataError:
    inside = ", ".join(sorted(path.name for path in source.iterdir())[:10])
    return DataError(
        f"{source} holds no pairs of images and masks; " + (f"in it: {inside}." if inside else "it is empty."),
        fix="Expected images/ and masks/, or train/images and train/masks, or train/ and train_labels/.",
    )
