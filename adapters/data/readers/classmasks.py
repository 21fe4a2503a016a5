"""One folder of masks a class, as the code of U-Net++ has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from ....domain.arrays import AnyArray, Labels, Planes
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.masks.instances import Size
from ....domain.ports.dataset import SourceItem
from ..decode import image_size
from ..labels import read_labels, read_plane
from .annotated import Region, RegionReader
from .pairing import mask_name
from .scan import SPLITS, folders, homes, pictures, refuse, with_unique_keys

_BINARY = ClassMap.binary()
_FIX = "Every image needs a mask in each class folder: an empty one where the class is absent."


@frozen
class ClassMaskReader(RegionReader):
    """``images/<id>.png`` and ``masks/<class>/<id>.png``, or these within train/, val/ and test/.

    Masks hold 0 and 255, or 0 and 1. The folders' names are the classes; a single one with a number for its name means
    foreground. Masks of several classes that overlap are combined by the ``overlap`` rule, or kept apart as planes.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "class-masks"

    def recognises(self, source: Path) -> str | None:
        """Names the class folders found, or None."""
        found = _names(class_masks(source))
        return f"found images/ and, in masks/, a folder for each class: {', '.join(found)}" if found else None

    def classes(self, source: Path) -> ClassMap | None:
        """Background and the class folders, in order of their names."""
        names = _names(class_masks(source))
        return self.class_map([_class_of(name, names) for name in names], source)

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item an image, sorted by id. Raises DataError with every mask that is missing or alone."""
        parts = class_masks(source)
        if not parts:
            raise DataError(f"{source} holds no folders images/ and masks/<class>/.")
        problems: list[str] = []
        found = [item for split, home in parts.items() for item in self._items(home, split, _names(parts), problems)]
        unique = with_unique_keys(found, source)
        if problems:
            raise refuse(source, problems, _FIX, unique)
        return sorted(unique, key=lambda item: item.key)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Raises DataError naming the mask that holds other values, or has another size than the image."""
        return self.paint(item.annotations, image_size(item.image, self.max_pixels), classes, self._draw)

    def read_planes(self, item: SourceItem, classes: ClassMap) -> Planes:
        """Every mask as it is; 128 counts nowhere in its plane. Raises DataError as ``read_labels``."""
        return self.stack(item.annotations, image_size(item.image, self.max_pixels), classes, self._plane)

    def _plane(self, region: Region, size: Size) -> AnyArray:
        return _of_size(read_plane(region.shape, self.max_pixels), size)

    def _draw(self, region: Region, size: Size) -> AnyArray:
        return _of_size(read_labels(region.shape, _BINARY, self.max_pixels), size)

    def _items(self, home: Path, split: str | None, names: Sequence[str], problems: list[str]) -> list[SourceItem]:
        inside = folders(home)
        images = {path.stem: path for path in pictures(inside["images"])}
        masks = {
            name: {mask_name(path.stem): path for path in pictures(folder)}
            for name, folder in _class_folders(inside["masks"]).items()
        }
        problems += [
            f"image without mask: {images[key]} has none in masks/{name}/"
            for name in names
            for key in sorted(images.keys() - masks.get(name, {}).keys())
        ]
        problems += [
            f"mask without image: {found[key]}"
            for found in masks.values()
            for key in sorted(found.keys() - images.keys())
        ]
        whole = [key for key in images if all(key in masks.get(name, {}) for name in names)]
        return [self._item(images[key], {name: masks[name][key] for name in names}, split) for key in whole]

    def _item(self, image: Path, masks: dict[str, Path], split: str | None) -> SourceItem:
        regions = [Region(_class_of(name, list(masks)), str(path), path) for name, path in masks.items()]
        return SourceItem(image.stem, image, tuple(masks.values()), split, annotations=self.wanted(regions))


def _of_size(mask: Labels, size: Size) -> Labels:
    if mask.shape != size:
        raise DataError(f"it is {mask.shape[1]} x {mask.shape[0]}, but the image is {size[1]} x {size[0]}.")
    return mask


def class_masks(source: Path) -> dict[str | None, Path]:
    """Folders with images/ and masks/<class>/, by split."""
    for home in homes(source) if source.is_dir() else ():
        if _is_part(home):
            return {None: home}
        found = {name: folder for name, folder in folders(home).items() if name in SPLITS and _is_part(folder)}
        if found:
            return {SPLITS[name]: folder for name, folder in found.items()}
    return {}


def _is_part(home: Path) -> bool:
    """Whether the images are flat while the masks are not: subfolders that both have are no classes."""
    inside = folders(home)
    if "images" not in inside or "masks" not in inside:
        return False
    return bool(pictures(inside["images"])) and not pictures(inside["masks"]) and bool(_class_folders(inside["masks"]))


def _class_folders(masks: Path) -> dict[str, Path]:
    return {folder.name: folder for name, folder in folders(masks).items() if name not in SPLITS and pictures(folder)}


def _names(parts: dict[str | None, Path]) -> list[str]:
    """The class folders of all parts, numbers in their own order."""
    names = {name for home in parts.values() for name in _class_folders(folders(home)["masks"])}
    return sorted(names, key=lambda name: (int(name) if name.isdecimal() else -1, name))


def _class_of(name: str, names: Sequence[str]) -> str:
    return "foreground" if len(names) == 1 and name.isdecimal() else name
