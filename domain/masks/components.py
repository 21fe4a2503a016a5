"""Connected components of a binary mask, without a loop over pixels.

The mask is cut into horizontal runs; runs of neighbouring rows that touch are edges of a graph; its components are
found by hooking roots to smaller roots and halving the paths, all edges at a time (Shiloach and Vishkin, "An O(log n)
parallel connectivity algorithm", 1982).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import AnyArray
from ..errors import DataError, InvalidSpecError
from .instances import Ids
from .runlength import runs

Indices = NDArray[np.intp]


def connected_components(mask: AnyArray, connectivity: int = 8) -> tuple[Ids, int]:
    """Ids of the connected parts of a mask, and how many there are.

    Args:
        mask: (H, W); nonzero is inside.
        connectivity: 4 (pixels touch along an edge) or 8 (at a corner too).

    Returns:
        (H, W) int32 with 0 outside and 1, 2 ... in the order in which a part's first pixel is met, row by row.
    """
    if mask.ndim != 2:
        raise DataError(f"A binary mask is (H, W); found {mask.shape}.")
    if connectivity not in (4, 8):
        raise InvalidSpecError(f"Connectivity is 4 or 8, not {connectivity}.")
    inside = mask != 0
    width = mask.shape[1] + 1  # one empty column ends every run with its row, and keeps rows apart
    starts, ends = runs(np.pad(inside, ((0, 0), (0, 1))).ravel())
    roots = _roots(len(starts), *_touching(starts, ends, width, reach=1 if connectivity == 8 else 0))
    parts, part = np.unique(roots, return_inverse=True)
    ids = np.zeros(mask.shape, np.int32)
    ids[inside] = np.repeat(part + 1, ends - starts)
    return ids, len(parts)


def _touching(starts: Indices, ends: Indices, width: int, reach: int) -> tuple[Indices, Indices]:
    """Pairs (run, run of the row above that it touches). ``reach`` is 1 where corners count."""
    # Moved up one row, a run touches those that end after its start and start before its end.
    low = np.searchsorted(ends, starts - width + 1 - reach)
    high = np.searchsorted(starts, ends - width + reach)
    count = np.maximum(high - low, 0)
    below = np.repeat(np.arange(len(starts)), count)
    nth = np.arange(len(below)) - np.repeat(np.cumsum(count) - count, count)
    return below, low[below] + nth


def _roots(count: int, left: Indices, right: Indices) -> Indices:
    """The smallest node of the component of each of ``count`` nodes."""
    root = np.arange(count)
    while left.size:
        left, right = root[left], root[right]
        apart = left != right
        left, right = left[apart], right[apart]
        np.minimum.at(root, np.maximum(left, right), np.minimum(left, right))
        while not np.array_equal(root, above := root[root]):
            root = above
    return root
