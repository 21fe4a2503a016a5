"""What readers of annotated regions share: JSON, tables and mask files that say of each region which class it is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen

from ....domain.arrays import IGNORE, AnyArray, Labels, Planes
from ....domain.classes import BACKGROUNDS, ClassMap
from ....domain.errors import DataError, InvalidSpecError, UnknownNameError
from ....domain.masks.instances import Size, to_labels
from ....domain.masks.planes import Overlap
from ...files import read_text
from .scan import PictureReader


@frozen
class Region:
    """One annotated region.

    Attributes:
        name: of its class; "" for none, where it is ignored.
        where: the file, the annotation and the field that it stands in, for messages.
        shape: what the reader makes its mask of.
        ignored: the pixels that it wins count nowhere.
        size: (height, width) of the image it was drawn on, where that is stated.
    """

    name: str
    where: str
    shape: Any
    ignored: bool = False
    size: Size | None = None


def _rule(value: str) -> Overlap:
    try:
        return Overlap(value)
    except ValueError:
        raise InvalidSpecError(f"overlap = {value!r}: expected one of {', '.join(Overlap)}.") from None


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def overlap_option(default: Overlap) -> Any:
    """The field of the option ``overlap``, for readers of another default."""
    return field(default=default, converter=_rule, kw_only=True)


@frozen
class RegionReader(PictureReader, ABC):
    """Paints the regions of an image by the names of their classes. Pixels in none of them are background.

    Attributes:
        overlap: who gets a pixel that regions of different classes claim: smallest, first, last (listed), or refuse.
        only: names of the classes to take, in order; regions of other classes become background. All, where empty.
    """

    overlap: Overlap = overlap_option(Overlap.SMALLEST)
    only: tuple[str, ...] = field(default=(), converter=_names, kw_only=True)

    def class_map(self, known: Iterable[str], source: Path) -> ClassMap:
        """Background and the ``known`` names, or those of ``only``.

        Raises DataError for none, or more than fit into masks of 8 bits; UnknownNameError for a name in ``only``.
        """
        names = list(dict.fromkeys(name for name in known if name.lower() not in BACKGROUNDS))
        for name in self.only:
            if name not in names:
                raise UnknownNameError.of(f"class of {source}", name, names)
        names = list(self.only) or names
        if not names:
            raise DataError(f"{source} names no classes: nothing in it is annotated.")
        if len(names) >= IGNORE:
            raise DataError(
                f"{source} has {len(names)} classes; beside background, {IGNORE - 1} fit into a mask.",
                fix=f'Choose some: --reader \'{self.name}:only=["{names[0]}","{names[1]}"]\'.',
            )
        return ClassMap.of(["background", *names])

    @property
    @abstractmethod
    def name(self) -> str:
        """As users write it."""

    def wanted(self, regions: Iterable[Region]) -> tuple[Region, ...]:
        """Those whose class is to be taken."""
        return tuple(region for region in regions if not self.only or region.name in ("", *self.only))

    def paint(
        self, regions: Sequence[Region], size: Size, classes: ClassMap, draw: Callable[[Region, Size], AnyArray]
    ) -> Labels:
        """(H, W) labels of an image's regions, each drawn as an (H, W) mask, combined by the ``overlap`` rule.

        Pixels in no region are background, or ignored where the class map has no class of that name.
        Raises DataError, naming the annotation, for a class that is not in the map, for what cannot be drawn, and for
        what was drawn on an image of another size.
        """
        labels = [IGNORE if region.ignored else _index(region, classes, self.name) for region in regions]
        masks = (_drawn(region, size, draw) for region in regions)
        return to_labels(masks, labels, size, self.overlap, background=background_of(classes))

    def stack(
        self, regions: Sequence[Region], size: Size, classes: ClassMap, draw: Callable[[Region, Size], AnyArray]
    ) -> Planes:
        """(H, W, K) planes of an image's regions: each lies in its class's plane, whatever lies in others.

        What is ignored, or ``IGNORE`` in what was drawn, counts nowhere in its plane (in all, where it has no class)
        unless another region of the class is there. Raises DataError as ``paint``.
        """
        planes = np.zeros((*size, len(classes)), np.uint8)
        for region in sorted(regions, key=lambda region: not region.ignored):
            mask = _drawn(region, size, draw)
            if mask.shape != size:
                raise DataError(f"{region.where}: drawn as {mask.shape}, but the image is {size} (height, width).")
            for k in _planes_of(region, classes, self.name):
                plane = planes[..., k]
                unknown = (mask != 0) if region.ignored else (mask == IGNORE)
                plane[unknown & (plane == 0)] = IGNORE
                plane[(mask != 0) & ~unknown] = 1
        return planes


def _planes_of(region: Region, classes: ClassMap, reader: str) -> Sequence[int]:
    """The planes that a region says something of: its class's; of one that is ignored and has no class, all."""
    if region.ignored and not region.name:
        return range(len(classes))
    index = _index(region, classes, reader)
    return [] if index == IGNORE else [index]


def background_of(classes: ClassMap) -> int:
    """The label of pixels in no region: that of the class named background, else ``IGNORE``."""
    return next((index for index, name in enumerate(classes.names) if name.lower() in BACKGROUNDS), IGNORE)


def _index(region: Region, classes: ClassMap, reader: str) -> int:
    if region.name in classes.names:
        return classes.names.index(region.name)
    if region.name.lower() in BACKGROUNDS:
        return background_of(classes)
    raise DataError(
        f"{region.where}: the class {region.name!r} is not among the {len(classes)} of the class map.",
        fix="Add it to the class table, or leave all others to the background: "
        f'--reader \'{reader}:only=["NAME","NAME"]\'.',
    )


def stated_size(entry: Mapping[str, Any], height: str, width: str) -> Size | None:
    """The size of an image under these two keys; None unless both are whole numbers."""
    rows, columns = entry.get(height), entry.get(width)
    return (rows, columns) if isinstance(rows, int) and isinstance(columns, int) else None


def _drawn(region: Region, size: Size, draw: Callable[[Region, Size], AnyArray]) -> AnyArray:
    if region.size not in (None, size):
        raise DataError(f"{region.where}: drawn on an image of {region.size} (height, width), but this one is {size}.")
    try:
        return draw(region, size)
    except DataError as error:
        raise DataError(f"{region.where}: {error.message}", problems=error.problems, fix=error.fix) from None


def mentions(path: Path, words: Sequence[bytes]) -> bool:
    """Whether a file holds all these bytes: quicker than to read a large JSON file that is something else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error}.") from error
    return all(word in data for word in words)


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises DataError naming file, line and column."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}, column {error.colno}: no JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise DataError(f"Cannot read {path}: {error}.") from error
