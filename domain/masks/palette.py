"""Labels and indexed-colour pictures: which colour is shown for which index.

A palette is the flat list of 768 integers (R, G, B of entry 0, of entry 1 ...) that PNG writers take. The indices of an
indexed picture are the labels themselves, ``IGNORE`` included, so the palette carries colours only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..arrays import IGNORE, AnyArray, Labels
from ..errors import DataError, InvalidSpecError

Colour = tuple[int, int, int]

IGNORE_COLOUR: Colour = (224, 224, 192)
"""Shown for ignored pixels: the off-white that PASCAL VOC gives to entry 255."""

OKABE_ITO: tuple[Colour, ...] = (
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Eight colours that colour-blind readers can tell apart (Okabe and Ito, "Color Universal Design", 2008)."""


def voc_colour(index: int) -> Colour:
    """Entry ``index`` (0 to 255) of the PASCAL VOC palette: its bits dealt out to R, G, B in turn, top bit first."""
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (index & 1) << shift
        green |= (index >> 1 & 1) << shift
        blue |= (index >> 2 & 1) << shift
        index >>= 3
    return red, green, blue


def _distinct() -> Iterator[Colour]:
    yield from OKABE_ITO
    taken = {*OKABE_ITO, IGNORE_COLOUR}
    yield from (colour for colour in map(voc_colour, range(256)) if colour not in taken)


def default_colours(count: int) -> tuple[Colour, ...]:
    """The first ``count`` (at most 255) default class colours: all different, and none of them ``IGNORE_COLOUR``."""
    if not 0 <= count <= IGNORE:
        raise InvalidSpecError(f"There are default colours for 0 to {IGNORE} classes, not for {count}.")
    return tuple(islice(_distinct(), count))


def to_palette(colours: Sequence[Colour], ignored: Colour = IGNORE_COLOUR) -> list[int]:
    """The 768 integers for class colours: entry k is class k, entry 255 is ``ignored``, unused entries are black."""
    if len(colours) > IGNORE:
        raise InvalidSpecError(
            f"A palette has room for {IGNORE} classes beside the ignored one, not for {len(colours)}."
        )
    entries = [*colours, *[(0, 0, 0)] * (IGNORE - len(colours)), ignored]
    return [channel for colour in entries for channel in colour]


def palette_colours(palette: Sequence[int]) -> NDArray[np.uint8]:
    """(256, 3) colours of a flat palette; writers may cut it short, and missing entries are black."""
    if len(palette) % 3 or len(palette) > 768:
        raise DataError(f"A palette is R, G, B for at most 256 entries; this one has {len(palette)} numbers.")
    if any(not 0 <= channel <= 255 for channel in palette):
        raise DataError("A palette holds integers from 0 to 255.")
    colours = np.zeros((256, 3), np.uint8)
    colours.reshape(-1)[: len(palette)] = palette
    return colours


def to_indices(labels: Labels, classes: int) -> NDArray[np.uint8]:
    """Palette indices of labels: the labels themselves, checked to be below ``classes`` or ``IGNORE``."""
    return _checked(labels, classes)


def from_indices(indices: AnyArray, classes: int) -> Labels:
    """Labels of palette indices written by ``to_indices``. Raises DataError for an index that is no class."""
    return _checked(indices, classes)


def _checked(values: AnyArray, classes: int) -> Labels:
    if values.dtype != np.uint8 or values.ndim != 2:
        raise DataError(f"Labels are (H, W) uint8; found {values.shape} {values.dtype}.")
    wrong = [int(value) for value in np.unique(values) if classes <= value < IGNORE]
    if wrong:
        raise DataError(f"Labels {wrong} are neither below {classes} classes nor {IGNORE} (ignored).")
    return values.copy()
