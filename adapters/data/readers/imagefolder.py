"""Folders of images, one a class: the layout of torchvision's ImageFolder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from ....domain.arrays import Image, Labels
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from ....domain.terms import Task
from ..decode import decode_image
from ..pictures import MAX_PIXELS
from .filelist import lists
from .openimages import tables
from .scan import folders, homes, pictures, pictures_below, refuse, require_folder, split_named, with_unique_keys

_TAKEN = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""What torchvision's ImageFolder takes."""
_ROLE = re.compile(
    r"(.*_)?(images?|imgs?|masks?|labels?|annot\w*|segment\w*|targets?|inputs?|rgb|gt\w*|stills|trimaps)(_.*)?"
    r"|jpegimages|leftimg8bit"
)
"""Folders named after what their pictures are for: "images", "labels_rgb", "train_masks"."""
_FEWEST = 2
_FIX = "Move them into the folder of their class, or away."


@frozen
class ImageFolderReader:
    """``<class>/*.jpg``, or these within train/, val/ and test/. A label is the class of the whole image: (1, 1).

    Classes are the folders in order of their names. Pictures that ImageFolder passes over are refused by name: a GIF
    among photographs is mostly what a server sent in place of one.

    Attributes:
        max_pixels: an image of more counts as a decompression bomb.
    """

    max_pixels: int = MAX_PIXELS

    @property
    def name(self) -> str:
        """As users write it."""
        return "image-folder"

    @property
    def task(self) -> Task:
        """What its labels mean."""
        return Task.CLASSIFICATION

    def recognises(self, source: Path) -> str | None:
        """Names the class folders found; None for fewer than two, or where folders or files tell of masks."""
        if not source.is_dir() or lists(source) or tables(source):
            return None
        names = _names(_parts(source))
        return f"found a folder of images for each class: {', '.join(names)}" if len(names) >= _FEWEST else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item an image, sorted by key. Raises DataError with the pictures that are in no class's folder."""
        parts = _required(source)
        found = [
            SourceItem(path.stem, path, (), split, annotations=(folder.name,))
            for split, home in parts
            for folder in _classes(home)
            for path in pictures_below(folder)
        ]
        unique = with_unique_keys(found, source)
        stray = [f"in no class's folder: {path}" for _, home in parts for path in pictures(home)]
        if stray:
            raise refuse(source, stray, _FIX, unique)
        return sorted(unique, key=lambda item: item.key)

    def classes(self, source: Path) -> ClassMap | None:
        """The folders' names, in order. Raises DataError where there are no such folders."""
        return ClassMap.of(_names(_required(source)))

    def read_image(self, item: SourceItem) -> Image:
        """(H, W, 3) uint8 RGB. Raises DataError naming the file, also for a picture that ImageFolder passes over."""
        kind = item.image.suffix.lower()
        if kind not in _TAKEN:
            fix = "Where it is one of the class after all, convert it to PNG."
            raise DataError(f"{item.image} is a {kind} file, which ImageFolder passes over: look at it.", fix=fix)
        image = decode_image(item.image, max_pixels=self.max_pixels)
        if image.shape[:2] == (1, 1):
            raise DataError(f"{item.image} is a single pixel.")
        return image

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """(1, 1) uint8: the class its folder names. Raises DataError where the class map has none of that name."""
        (name,) = item.annotations
        if name not in classes.names:
            raise DataError(
                f"{item.image}: there is no class {name!r}; the classes are {', '.join(classes.names)}.",
                fix="Name the folder after one of them, or leave --classes out: the folders are the classes.",
            )
        return np.full((1, 1), classes.names.index(name), np.uint8)


def _required(source: Path) -> list[tuple[str | None, Path]]:
    require_folder(source)
    parts = _parts(source)
    if not parts:
        raise DataError(f"{source} holds no folders of images, one per class.", fix="Expected train/<class>/*.jpg.")
    return parts


def _parts(source: Path) -> list[tuple[str | None, Path]]:
    """Folders that hold the classes, with their splits."""
    for home in homes(source) if source.is_dir() else ():
        splits = [(split, folder) for name, folder in folders(home).items() if (split := split_named(name))]
        if splits:
            return [(split, folder) for split, folder in splits if _classes(folder)]
        if _classes(home):
            return [(None, home)]
    return []


def _classes(home: Path) -> list[Path]:
    """The folders of images in a folder; none where one has a role beside masks, or JSON files describe them."""
    inside = [folder for folder in folders(home).values() if pictures(folder)]
    described = any(any(folder.glob("*.json")) for folder in (home, *inside))
    return [] if described or any(map(_ROLE.fullmatch, folders(home))) else inside


def _names(parts: Sequence[tuple[str | None, Path]]) -> list[str]:
    return sorted({folder.name for _, home in parts for folder in _classes(home)})
