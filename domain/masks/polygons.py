"""Polygons to masks by COCO's rule, to the pixel (``rleFrPoly`` in pycocotools' ``maskApi.c``).

Positions are in pixels: pixel (x, y) covers [x, x + 1) by [y, y + 1). Corners are rounded to fifths of a pixel, the
outline is walked in such steps, and each column of pixels is filled between the places where the outline crosses its
middle (even-odd rule). So, up to that rounding, a pixel belongs to a polygon when its centre does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Size = tuple[int, int]
_Steps = NDArray[np.int64]

_SCALE = 5
_LARGEST = 1 << 20


def fill(corners: Sequence[float], size: Size) -> NDArray[np.uint8]:
    """(H, W) uint8 of 0 and 1 of the polygon x0, y0, x1, y1 ...; what lies outside of the image is cut off.

    Raises DataError for fewer than three corners, and for what is no number within reason.
    """
    mask = np.zeros(size, np.uint8)
    columns, rows = _crossings(*_outline(_corners(corners)), size)
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
    except (TypeError, ValueError):
        raise DataError("A polygon is a list of numbers: x, y of each corner.") from None
    if values.ndim != 1 or values.size % 2 or values.size < 6:
        raise DataError(f"A polygon is x, y of at least 3 corners, 6 numbers; found {values.size}.")
    wild = values[~(np.abs(values) < _LARGEST)]  # NaN too
    if wild.size:
        raise DataError(f"A polygon's corners are less than {_LARGEST} pixels away; found {wild[0]}.")
    return (values * _SCALE + 0.5).astype(np.int64).reshape(-1, 2)


def _outline(corners: _Steps) -> tuple[_Steps, _Steps]:
    """x and y of every step around: on each edge one for each unit of its longer axis, both ends included."""
    ends = np.roll(corners, -1, axis=0)
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
