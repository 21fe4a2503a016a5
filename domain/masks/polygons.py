"""Polygons to masks by COCO's rule, to the pixel (``rleFrPoly`` in pycocotools' ``maskApi.c``).

Positions are in pixels: pixel (x, y) covers [x, x + 1) by [y, y + 1). Corners are rounded to fifths of a pixel, the
outline is walked in such steps, and each column of pixels is filled between the places where the outline crosses its
middle (even-odd rule). So, up to that rounding, a pixel belongs to a polygon when its centre does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Size = tuple[int, int]
_Steps = NDArray[np.int64]

_SCALE = 5
_LARGEST = 1 << 20
_LEAST = 1 << 18
"""Pixels that every outline may be long."""
_AT_ONCE = 1 << 18
"""Steps, about: of a longer edge all."""


def fill(corners: Sequence[float], size: Size) -> NDArray[np.uint8]:
    """(H, W) uint8 of 0 and 1 of the polygon x0, y0, x1, y1 ...; what lies outside of the image is cut off.

    Raises DataError for fewer than three corners, and for what is no number within reason.
    """
    mask = np.zeros(size, np.uint8)
    columns, rows = _all_crossings(_corners(corners), size)
    if columns.size:  # only the polygon's box is filled: most are small
        left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max()
        width, height = right - left, bottom - top
        crossings = np.sort((columns - left) * height + rows - top)
        lengths = np.diff(crossings, prepend=0, append=width * height)
        inside = np.repeat((np.arange(len(lengths)) & 1).astype(np.uint8), lengths)
        mask[top:bottom, left:right] = inside.reshape(width, height).T
    return mask


def fill_all(parts: Sequence[Sequence[float]], size: Size) -> NDArray[np.uint8]:
    """The union of several polygons: one object in several parts. Raises DataError naming the part."""
    mask = np.zeros(size, np.uint8)
    for number, corners in enumerate(parts, 1):
        try:
            mask |= fill(corners, size)
        except DataError as error:
            raise DataError(f"Part {number} of {len(parts)}: {error.message}") from None
    return mask


def _corners(corners: Sequence[float]) -> _Steps:
    """(K, 2) x and y in fifths of a pixel."""
    try:
        values = np.asarray(corners, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError("A polygon is a list of numbers: x, y of each corner.") from None
    if values.ndim != 1 or values.size % 2 or values.size < 6:
        raise DataError(f"A polygon is x, y of at least 3 corners, 6 numbers; found {values.size}.")
    wild = values[~(np.abs(values) < _LARGEST)]  # NaN too
    if wild.size:
        raise DataError(f"A polygon's corners are less than {_LARGEST} pixels away; found {wild[0]}.")
    return (values * _SCALE + 0.5).astype(np.int64).reshape(-1, 2)


def check_length(corners: NDArray[Any], size: Size) -> None:
    """Raises DataError for an outline, (K, 2) in pixels, that is longer than any of an image of this size need be.

    It is walked step by step: a few corners far away, or many that lie apart, could take all time and memory.
    """
    length = float(np.abs(np.roll(corners, -1, axis=0) - corners).max(axis=1).sum())
    longest = size[0] * size[1] + _LEAST
    if not max(length, float(np.abs(corners).max())) <= longest:
        raise DataError(
            f"The outline is {length:.0f} pixels long or far away; of an image of {size[0]} x {size[1]} pixels, "
            f"{longest} are more than enough."
        )


def _all_crossings(corners: _Steps, size: Size) -> tuple[_Steps, _Steps]:
    """As ``_crossings``, of the whole outline, some edges at a time. No column is crossed between two edges."""
    check_length(corners / _SCALE, size)
    ends = np.roll(corners, -1, axis=0)
    steps = np.cumsum(np.abs(ends - corners).max(axis=1))
    starts = np.flatnonzero(np.diff(steps // _AT_ONCE, prepend=0))
    parts = zip(np.split(corners, starts), np.split(ends, starts), strict=True)
    found = [_crossings(*_outline(*part), size) for part in parts if len(part[0])]
    return np.concatenate([columns for columns, _ in found]), np.concatenate([rows for _, rows in found])


def _outline(corners: _Steps, ends: _Steps) -> tuple[_Steps, _Steps]:
    """x and y of every step along edges: one for each unit of an edge's longer axis, both ends included."""
    reach = np.abs(ends - corners)
    steep = reach[:, 0] < reach[:, 1]
    steps = reach.max(axis=1)
    # From here on, column 0 is each edge's longer axis.
    corners, ends = (np.where(steep[:, np.newaxis], p[:, ::-1], p) for p in (corners, ends))
    # Walked from the lower end whichever way it runs, an edge that two polygons share is rounded alike in both.
    backwards = corners[:, 0] > ends[:, 0]
    low, high = (np.where(backwards[:, np.newaxis], *pair) for pair in ((ends, corners), (corners, ends)))
    slope = (high[:, 1] - low[:, 1]) / np.maximum(steps, 1)
    edge = np.repeat(np.arange(len(steps)), steps + 1)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    step = np.where(backwards[edge], steps[edge] - step, step)
    long = low[edge, 0] + step
    short = (low[edge, 1] + slope[edge] * step + 0.5).astype(np.int64)
    return np.where(steep[edge], short, long), np.where(steep[edge], long, short)


def _crossings(x: _Steps, y: _Steps, size: Size) -> tuple[_Steps, _Steps]:
    """Columns whose middle the outline crosses, and the first row below each crossing."""
    height, width = size
    moved = np.flatnonzero(np.diff(x))
    left = np.minimum(x[moved], x[moved + 1])
    column, remainder = np.divmod(left - _SCALE // 2, _SCALE)
    inside = (remainder == 0) & (column >= 0) & (column < width)
    top = np.minimum(y[moved], y[moved + 1])[inside]
    row = np.ceil(np.clip((top + 0.5) / _SCALE - 0.5, 0, height)).astype(np.int64)
    return column[inside], row
