"""Where the tiles of a large image lie, how much each of their pixels counts, and how many rows are held at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_HELD = 1 << 22


def origins(length: int, tile: int, overlap: int) -> list[int]:
    """Starts of the fewest tiles that cover ``length`` pixels and share at least ``overlap`` with their neighbours.

    The first starts at 0, the last ends at ``length``, the others lie evenly between. One tile at 0 when it covers all.
    """
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def window(tile: int, overlap: int) -> NDArray[np.float32]:
    """(tile,) weights: 1 in the middle, falling as a raised cosine over ``overlap`` pixels towards either end, never 0.

    A network sees less around a pixel the nearer it is to a tile's edge; blending by these weights leaves no seams.
    """
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(overlap) + 0.5) / max(overlap, 1))
    weights = np.ones(tile, np.float32)
    width = min(overlap, tile // 2)
    weights[:width] = ramp[:width]
    weights[tile - width :] = ramp[:width][::-1]
    return weights


def shares(length: int, tile: int, overlap: int) -> dict[int, NDArray[np.float32]]:
    """Of each tile along one axis, by its start: how much of every pixel it decides. Of each pixel they add up to 1.

    (tile,) float32, or (length,) where that is less. What a tile decides in the plane is the product of both axes.
    """
    weights = window(tile, overlap)[:length]
    starts = origins(length, tile, overlap)
    total = np.zeros(length, np.float32)
    for start in starts:
        total[start : start + tile] += weights
    return {start: weights / total[start : start + tile] for start in starts}


def row_blocks(shape: tuple[int, ...], most: int = _HELD) -> Iterator[slice]:
    """Slices of the first axis that cover it in order, of at most ``most`` values each, but at least a row."""
    rows = max(1, most // max(1, math.prod(shape[1:])))
    return (slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows))
