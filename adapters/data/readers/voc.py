"""Pascal VOC: palette masks of class indices, with borders that count nowhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from attrs import frozen

from ....domain.class_names import parse_class_names
from ....domain.classes import ClassMap, SegmentClass
from ....domain.errors import DataError
from ....domain.masks.palette import IGNORE_COLOUR, voc_colour
from ....domain.ports.dataset import SourceItem
from ...files import read_text
from .scan import PictureReader, folders, homes, pictures, refuse, side_by_side, split_named

BORDER = 255
NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""The classes of PASCAL VOC 2012, by index."""
_IMAGES = "jpegimages"
_MASKS = ("segmentationclass", "segmentationclasspng", "segmentationclassaug", "segmentationclassraw")
_LISTS = ("imagesets", "segmentation")
_NAME_LISTS = ("class_names.txt", "labels.txt", "classes.txt")
_LABEL_MAP = "labelmap.txt"
_FIX = "Every id needs JPEGImages/<id>.jpg and SegmentationClass/<id>.png."


@frozen
class VocReader(PictureReader):
    """``JPEGImages/``, ``SegmentationClass/`` and the lists ``ImageSets/Segmentation/train.txt``, val.txt, test.txt.

    The source is the folder with these, or holds it alone (``VOCdevkit/VOC2012``). Value 255, the border of objects, is
    ignored. Images outside of the lists are passed over; without lists, every mask counts, and images without a mask,
    which VOC has many of, do not. Classes are VOC's 21, unless class_names.txt, labels.txt or labelmap.txt says others.
    """

    @property
    def name(self) -> str:
        """As users write it."""
        return "voc"

    def recognises(self, source: Path) -> str | None:
        """Names the folders found, or None."""
        found = side_by_side(source, _IMAGES, _MASKS)
        return f"found {found[0].name}/ and {found[1].name}/ in {found[0].parent}" if found else None

    def classes(self, source: Path) -> ClassMap | None:
        """VOC's classes or those of a list in the source; 255 and its colour are ignored."""
        for place in homes(source):
            if (place / _LABEL_MAP).is_file():
                return _label_map(place / _LABEL_MAP)
            for name in _NAME_LISTS:
                if (path := place / name).is_file():
                    return _in_voc_colours(parse_class_names(read_text(path), str(path)).names)
        return _in_voc_colours(NAMES)

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Every pair, sorted by id. Raises DataError with every id that has no image or no mask."""
        found = side_by_side(source, _IMAGES, _MASKS)
        if found is None:
            raise DataError(f"{source} holds no folders JPEGImages and SegmentationClass.")
        images, masks = ({path.stem: path for path in pictures(folder)} for folder in found)
        splits, problems = _splits(found[0].parent, masks) or dict.fromkeys(masks), []
        items = []
        for key, split in sorted(splits.items()):
            if key in images and key in masks:
                items.append(SourceItem(key, images[key], (masks[key],), split))
            if key not in images:
                problems.append(f"mask without image: {key} is not in JPEGImages/")
            if key not in masks:
                problems.append(f"image without mask: {key} is not in {found[1].name}/")
        if problems:
            raise refuse(source, problems, _FIX, items)
        return items


def _splits(home: Path, ids: Collection[str]) -> dict[str, str | None]:
    """Split by id; None for ids in lists that are no split (trainval). Empty where there are no lists.

    A line is one of ``ids``, which may hold spaces, or begins with an id (lists of a class add 1 or -1).
    """
    place = home
    for name in _LISTS:
        inside = folders(place)
        if name not in inside:
            return {}
        place = inside[name]
    splits: dict[str, str | None] = {}
    for path in sorted(place.glob("*.txt")):
        split = split_named(path.stem)
        for line in filter(None, map(str.strip, read_text(path).splitlines())):
            key = line if line in ids else line.split()[0]
            if splits.get(key) not in (None, split) and split is not None:
                raise DataError(f"{path}: {key} is in the list of {splits[key]} too.")
            splits[key] = splits.get(key) or split
    return splits


def _in_voc_colours(names: Sequence[str]) -> ClassMap:
    classes = tuple(SegmentClass(name, voc_colour(index), (index,)) for index, name in enumerate(names))
    return ClassMap(classes, (BORDER,), (IGNORE_COLOUR,))


def _label_map(path: Path) -> ClassMap:
    """``name:r,g,b:parts:actions``, one class a line in order of index, as CVAT and Datumaro write it."""
    rows = [line.split(":") for line in read_text(path).splitlines() if not line.startswith("#")]
    try:
        colours = {row[0]: tuple(map(int, row[1].split(","))) for row in rows if row[0].strip()}
        kept = [name for name in colours if name != "ignored"]
        classes = tuple(SegmentClass(name, colours[name], (index,)) for index, name in enumerate(kept))
    except (IndexError, ValueError) as error:
        raise DataError(f"{path} is no label map: {error}.", fix="Expected lines such as cat:64,0,0::") from error
    return ClassMap(classes, (BORDER,), (colours.get("ignored", IGNORE_COLOUR),))
