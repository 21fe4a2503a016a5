"""LabelMe: one JSON file an image, with shapes drawn by hand."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen
from PIL import Image as Pillow
from PIL import ImageDraw

from ....domain.architecture.checks import whole
from ....domain.arrays import AnyArray, Image, Labels, Planes
from ....domain.class_names import parse_class_names
from ....domain.classes import ClassMap
from ....domain.errors import DataError
from ....domain.masks.instances import Size
from ....domain.masks.planes import Overlap
from ....domain.masks.polygons import check_length
from ....domain.ports.dataset import SourceItem
from ...files import is_file, read_text
from ..decode import decode_image, decode_mask, image_size
from ..pictures import PictureWithin
from .annotated import Region, RegionReader, mentions, overlap_option, read_json, stated_size
from .scan import SPLITS, folders, homes, refuse, with_unique_keys

_IGNORED = "__ignore__"
_PLACES = ("annotations", "labels", "json", "jsons", *SPLITS)
_NAME_LISTS = ("labels.txt", "class_names.txt", "classes.txt")
_LOOKED_AT = 5
_SUFFIXES = (".jpg", ".jpeg", ".JPG", ".png", ".tif", ".tiff", ".bmp", ".webp")
"""Of images named as their JSON file, likeliest first: masks that were made of it are often PNG."""
_KEYS = (b'"shapes"', b'"imagePath"')
_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2, "point": 1, "mask": 2}
"""Kinds of shapes, and the points each has at least."""
_FAR = 1e15
_FIX = "Fix the shapes in LabelMe, and put the images where the JSON files say."


@frozen
class LabelMeReader(RegionReader):
    """``<id>.json`` beside ``<id>.jpg``, in the source or in train/, val/ and test/ within.

    Shapes are drawn as LabelMe's own converter draws them, outline included, and one drawn later covers what it meets
    (``overlap=last``). Shapes labelled ``__ignore__`` are ignored. The image is the file that imagePath names, else one
    with the JSON file's name, else what imageData holds. Images without a JSON file are passed over: they are not
    annotated yet.

    Attributes:
        line_width: of lines, in pixels.
        point_size: points are discs of this radius, in pixels.
    """

    overlap: Overlap = overlap_option(Overlap.LAST)
    line_width: int = field(default=10, validator=whole(), kw_only=True)
    point_size: int = field(default=5, validator=whole(), kw_only=True)

    @property
    def name(self) -> str:
        """As users write it."""
        return "labelme"

    def recognises(self, source: Path) -> str | None:
        """Counts the JSON files if one of the first is LabelMe's, or says None."""
        paths = _paths(source)
        known = any(mentions(path, _KEYS) for path in paths[:_LOOKED_AT])
        return f"found {len(paths)} JSON files with shapes in {paths[0].parent}" if known else None

    def classes(self, source: Path) -> ClassMap | None:
        """Background and the names in labels.txt, or those of the shapes in alphabetical order."""
        for path in (home / name for home in homes(source) for name in _NAME_LISTS):
            if path.is_file():
                return self.class_map(parse_class_names(read_text(path), str(path)).names, source)
        shapes = (shape for path in _paths(source) for shape in (_shapes(path) or {}).get("shapes", ()))
        return self.class_map(sorted({shape["label"] for shape in shapes if not _fault(shape)} - {_IGNORED}), source)

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One item a JSON file, sorted. Raises DataError with every lost image and every shape that is none."""
        problems: list[str] = []
        items = []
        for path in _paths(source):
            content = _shapes(path)
            if content is not None and (item := self._item(path, content, problems)):
                items.append(item)
        unique = with_unique_keys(items, source)
        if problems:
            raise refuse(source, problems, _FIX, unique)
        if not items:
            raise DataError(f"{source} holds no JSON files of LabelMe: none with shapes and imagePath.")
        return sorted(unique, key=lambda item: item.key)

    def read_image(self, item: SourceItem) -> Image:
        """(H, W, 3) uint8 RGB, from the JSON file itself where the image is in there."""
        if not item.embedded:
            return super().read_image(item)
        picture = _embedded(read_json(item.image)["imageData"], f"{item.image}, imageData")
        return decode_image(picture, max_pixels=self.max_pixels)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Raises DataError naming the JSON file, the shape and what is wrong with it."""
        return self.paint(item.annotations, self._size(item), classes, self._draw)

    def read_planes(self, item: SourceItem, classes: ClassMap) -> Planes:
        """Every shape in its class's plane. Raises DataError as ``read_labels``."""
        return self.stack(item.annotations, self._size(item), classes, self._draw)

    def _size(self, item: SourceItem) -> Size:
        if not item.embedded:
            return image_size(item.image, self.max_pixels)
        height, width = self.read_image(item).shape[:2]
        return height, width

    def _item(self, path: Path, content: Mapping[str, Any], problems: list[str]) -> SourceItem | None:
        size = stated_size(content, "imageHeight", "imageWidth")
        wrong, regions = [], []
        for number, shape in enumerate(content["shapes"]):
            where = f"{path}, shapes[{number}]"
            if reason := _fault(shape):
                wrong.append(f"{where}: {reason}")
            else:
                ignored = shape["label"] == _IGNORED
                regions.append(Region("" if ignored else shape["label"], where, shape, ignored, size))
        image = _image(path, content)
        if image is None:
            wrong.append(f"{path}: the image of imagePath {content['imagePath']} is not there, and imageData is empty")
        problems += wrong
        if wrong or image is None:
            return None
        split = SPLITS.get(path.parent.name.lower())
        return SourceItem(path.stem, image, (path,), split, annotations=self.wanted(regions), embedded=image == path)

    def _draw(self, region: Region, size: Size) -> AnyArray:
        shape = region.shape
        kind, points = shape.get("shape_type") or "polygon", [tuple(map(float, point)) for point in shape["points"]]
        if kind == "mask":
            return _pasted(shape["mask"], points, size, region.where, self.max_pixels)
        check_length(np.array(points), size)
        canvas = Pillow.new("L", size[::-1])
        draw = ImageDraw.Draw(canvas)
        if kind == "polygon":
            draw.polygon(points, fill=1, outline=1)
        elif kind == "rectangle":
            (xs, ys) = zip(*points, strict=True)
            draw.rectangle((min(xs), min(ys), max(xs), max(ys)), fill=1, outline=1)
        elif kind in ("line", "linestrip"):
            draw.line(points, fill=1, width=self.line_width)
        else:
            (x, y), *edge = points
            radius = math.dist((x, y), edge[0]) if edge else self.point_size
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
        return np.asarray(canvas)


def _paths(source: Path) -> list[Path]:
    """The JSON files of the source, of the only folder in it, or of folders of splits and annotations."""
    for home in homes(source) if source.is_dir() else ():
        places = [home, *(folder for name, folder in folders(home).items() if name in _PLACES)]
        if found := [path for place in places for path in sorted(place.glob("*.json"))]:
            return found
    return []


def _shapes(path: Path) -> Mapping[str, Any] | None:
    """What a JSON file of LabelMe holds; None for other JSON files. Raises DataError for what is no JSON."""
    content = read_json(path)
    known = isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content
    return content if known else None


def _fault(shape: Any) -> str:
    """What is wrong with a shape, or ""."""
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        return "expected a shape with label and points"
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    if not isinstance(kind, str) or kind not in _POINTS:
        return f"shape_type {kind!r} is not known; expected one of {', '.join(_POINTS)}"
    if not isinstance(points, list) or len(points) < _POINTS[kind]:
        found = len(points) if isinstance(points, list) else "no"
        return f"{kind} {shape['label']!r}: points: expected at least {_POINTS[kind]}, found {found}"
    if not all(isinstance(p, list) and len(p) == 2 and all(map(_is_finite, p)) for p in points):
        return f"{kind} {shape['label']!r}: points: expected pairs of numbers x, y"
    if kind == "mask" and not isinstance(shape.get("mask"), str):
        return f"mask {shape['label']!r}: mask: expected a PNG in base64"
    return ""


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _FAR


def _image(path: Path, content: Mapping[str, Any]) -> Path | None:
    """The image's file: ``path`` itself where the image is in there."""
    named = path.parent / str(content["imagePath"]).replace("\\", "/")
    beside = (path.with_suffix(suffix) for suffix in _SUFFIXES)
    found = next((file for file in (named, *beside) if is_file(file)), None)
    return found or (path if content.get("imageData") else None)


def _pasted(text: str, points: Sequence[tuple[float, ...]], size: Size, where: str, max_pixels: int) -> AnyArray:
    """A mask shape: a PNG for the box between its two points, both included."""
    part = decode_mask(_embedded(text, f"{where}.mask"), max_pixels)
    (left, top), (right, bottom) = ((int(x), int(y)) for x, y in points[:2])
    box = (bottom - top + 1, right - left + 1)
    if part.shape[:2] != box or min(left, top) < 0 or right >= size[1] or bottom >= size[0]:
        raise DataError(f"mask is {part.shape[:2]}, but its points {points} span {box} of {size} (height, width).")
    mask = np.zeros(size, np.uint8)
    mask[top : bottom + 1, left : right + 1] = (part if part.ndim == 2 else part.max(axis=2)) != 0
    return mask


def _embedded(text: str, where: str) -> PictureWithin:
    try:
        return PictureWithin(where, base64.b64decode(text, validate=True))
    except ValueError as error:
        raise DataError(f"{where} is no base64: {error}.") from error
