"""The layout of the 2018 Data Science Bowl: one folder an image, one mask file an object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from ....domain.arrays import Labels
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from ..labels import read_labels
from .scan import PictureReader, folders, pictures, refuse, require_folder

_INNER = "stage1_train"


@frozen
class ScienceBowlReader(PictureReader):
    """``<id>/images/<id>.png`` and ``<id>/masks/*.png``, directly in the source or in ``stage1_train`` within.

    A pixel is nucleus where any of the image's masks says so: labels are combined by their largest value.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "dsb2018"

    def recognises(self, source: Path) -> str | None:
        """Says how many folders are laid out so, or None when not a single one is."""
        if not source.is_dir():
            return None
        home = _home(source)
        samples = [folder for folder in folders(home).values() if _is_sample(folder)]
        return f"found {len(samples)} folders <id>/images/<id>.png with <id>/masks/ in {home}" if samples else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item a folder, sorted by id. Raises DataError with every folder that is not complete."""
        require_folder(source)
        problems: list[str] = []
        found = [item for folder in folders(_home(source)).values() if (item := _item(folder, problems))]
        if problems:
            raise refuse(
                source, problems, "Every folder needs images/ with one image and masks/ with at least one mask.", found
            )
        if not found:
            raise DataError(f"{source} is empty: no folders <id>/images and <id>/masks in it.")
        return sorted(found, key=lambda item: item.key)

    def classes(self, source: Path) -> ClassMap | None:
        """Background and nucleus; mask values 0 and 255 (or 1)."""
        return ClassMap.binary("nucleus")

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """The union of all masks of the image. Raises DataError naming the file with other values or another size."""
        union = read_labels(item.masks[0], classes, self.max_pixels)
        for path in item.masks[1:]:
            labels = read_labels(path, classes, self.max_pixels)
            if labels.shape != union.shape:
                sizes = f"{_size(labels)}, but {item.masks[0].name} is {_size(union)}"
                raise DataError(f"{path} is {sizes}.", fix="All masks of an image must have its size.")
            np.maximum(union, labels, out=union)
        return union


def _size(labels: Labels) -> str:
    return f"{labels.shape[1]} x {labels.shape[0]}"


def _home(source: Path) -> Path:
    inner = source / _INNER
    return inner if inner.is_dir() else source


def _is_sample(folder: Path) -> bool:
    inside = folders(folder)
    return "masks" in inside and "images" in inside and [p.stem for p in pictures(inside["images"])] == [folder.name]


def _item(folder: Path, problems: list[str]) -> SourceItem | None:
    inside = folders(folder)
    images = pictures(inside["images"]) if "images" in inside else []
    masks = pictures(inside["masks"]) if "masks" in inside else []
    if len(images) != 1:
        problems.append(f"{folder.name}: expected one image in images/, found {len(images)}")
    if not masks:
        problems.append(f"{folder.name}: image without mask: no pictures in masks/")
    return SourceItem(folder.name, images[0], tuple(masks)) if len(images) == 1 and masks else None
