"""Cityscapes: label ids of 34 kinds, of which 19 are classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from ....domain.arrays import Labels
from ....domain.classes import ClassMap, SegmentClass
from ....domain.errors import DataError
from ....domain.ports.dataset import SourceItem
from ..decode import decode_mask
from .scan import PictureReader, pictures_below, refuse, side_by_side, split_named, with_unique_keys

_IMAGES, _MASKS = "leftimg8bit", ("gtfine", "gtcoarse")
_LABELS, _TRAIN, _INSTANCES = "labelIds", "labelTrainIds", "instanceIds"
_OBJECTS = 1000
"""Ids of single objects are class * 1000 + number; smaller ones are ids of classes."""
_CLASSES = (
    ("road", 7, (128, 64, 128)),
    ("sidewalk", 8, (244, 35, 232)),
    ("building", 11, (70, 70, 70)),
    ("wall", 12, (102, 102, 156)),
    ("fence", 13, (190, 153, 153)),
    ("pole", 17, (153, 153, 153)),
    ("traffic light", 19, (250, 170, 30)),
    ("traffic sign", 20, (220, 220, 0)),
    ("vegetation", 21, (107, 142, 35)),
    ("terrain", 22, (152, 251, 152)),
    ("sky", 23, (70, 130, 180)),
    ("person", 24, (220, 20, 60)),
    ("rider", 25, (255, 0, 0)),
    ("car", 26, (0, 0, 142)),
    ("truck", 27, (0, 0, 70)),
    ("bus", 28, (0, 60, 100)),
    ("train", 31, (0, 80, 100)),
    ("motorcycle", 32, (0, 0, 230)),
    ("bicycle", 33, (119, 11, 32)),
)
_IDS = 34
_FIX = "Every <id>_leftImg8bit.png needs <id>_gtFine_labelIds.png in the same folder of gtFine/."


@frozen
class CityscapesReader(PictureReader):
    """``leftImg8bit/<split>/<city>/<id>_leftImg8bit.png`` with ``gtFine/<split>/<city>/<id>_gtFine_labelIds.png``.

    The 19 classes of the benchmark are taken, every other id is ignored. Where there are no ``labelIds``,
    ``labelTrainIds`` (0 to 18, 255) or ``instanceIds`` are read. ``gtCoarse`` is taken where there is no ``gtFine``.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "cityscapes"

    def recognises(self, source: Path) -> str | None:
        """Names the folders found, or None."""
        found = side_by_side(source, _IMAGES, _MASKS)
        return f"found {found[0].name}/ and {found[1].name}/ in {found[0].parent}" if found else None

    def classes(self, source: Path) -> ClassMap | None:
        """The 19 classes, by the ids of the masks that are there."""
        found = side_by_side(source, _IMAGES, _MASKS)
        trained = found is not None and _kind(found[1]) == _TRAIN
        numbers = [index if trained else number for index, (_, number, _) in enumerate(_CLASSES)]
        classes = tuple(
            SegmentClass(name, colour, (number,)) for (name, _, colour), number in zip(_CLASSES, numbers, strict=True)
        )
        others = (255,) if trained else (*sorted(set(range(_IDS)).difference(numbers)), 255)
        return ClassMap(classes, others, ((0, 0, 0),))

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair, sorted by id. Raises DataError with every image without mask and mask without image."""
        found = side_by_side(source, _IMAGES, _MASKS)
        if found is None:
            raise DataError(f"{source} holds no folders leftImg8bit and gtFine.")
        top, root = found
        kind = _kind(root)
        images = {_id(path, top, 1): path for path in pictures_below(top)}
        masks = {_id(path, root, 2): path for path in pictures_below(root) if path.stem.endswith(f"_{kind}")}
        items = [
            SourceItem(place.name, images[place], (masks[place],), split_named(place.parts[0]))
            for place in sorted(images.keys() & masks.keys())
        ]
        problems = [f"image without mask: {images[place]}" for place in sorted(images.keys() - masks.keys())]
        problems += [f"mask without image: {masks[place]}" for place in sorted(masks.keys() - images.keys())]
        if problems:
            raise refuse(source, problems, _FIX, with_unique_keys(items, source))
        return sorted(with_unique_keys(items, source), key=lambda item: item.key)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """(H, W) labels. Raises DataError naming file, values and pixel counts."""
        raw = decode_mask(item.masks[0], self.max_pixels)
        if raw.ndim == 2 and raw.dtype != np.uint8 and item.masks[0].stem.endswith(_INSTANCES):
            raw = np.where(raw >= _OBJECTS, raw // _OBJECTS, raw)
        return classes.encode(raw, str(item.masks[0]))


def _kind(masks: Path) -> str:
    """Which kind of ids the masks hold: the most exact that is there."""
    endings = {path.stem.rpartition("_")[2] for path in pictures_below(masks)}
    return next((kind for kind in (_LABELS, _TRAIN) if kind in endings), _INSTANCES)


def _id(path: Path, root: Path, endings: int) -> Path:
    """``train/ulm/ulm_000001_000019`` for its image and its mask: the path without the last words of the name."""
    return path.relative_to(root).with_name(path.stem.rsplit("_", endings)[0])
