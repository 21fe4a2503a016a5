"""Tiles cover everything, share enough, and blend without a seam."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.application.tiling import origins, row_blocks, shares, window


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    tile = draw(st.integers(2, 96))
    return draw(st.integers(1, 1000)), tile, draw(st.integers(0, tile // 2))


@given(cuts())
def test_tiles_cover_the_length_and_share_at_least_the_overlap(cut: tuple[int, int, int]) -> None:
    length, tile, overlap = cut
    starts = origins(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(length - tile, 0)
    assert all(0 < b - a <= tile - overlap for a, b in pairwise(starts))


@given(cuts())
def test_no_tile_is_spare(cut: tuple[int, int, int]) -> None:
    """One tile fewer could not cover the length with that overlap."""
    length, tile, overlap = cut
    fewer = len(origins(length, tile, overlap)) - 1
    assert fewer == 0 or tile + (fewer - 1) * (tile - overlap) < length


@given(cuts())
def test_a_window_is_symmetric_never_zero_and_one_in_the_middle(cut: tuple[int, int, int]) -> None:
    _, tile, overlap = cut
    weights = window(tile, overlap)
    assert weights.shape == (tile,) and weights.dtype == np.float32
    assert np.array_equal(weights, weights[::-1])
    assert weights.min() > 0 and weights.max() <= 1
    assert (weights[overlap : tile - overlap] == 1).all()
    assert (np.diff(weights[: tile // 2]) >= 0).all()


@pytest.mark.parametrize(("tile", "overlap"), [(64, 16), (64, 32), (96, 7)])
def test_where_two_tiles_share_exactly_the_overlap_their_weights_add_up_to_one(tile: int, overlap: int) -> None:
    weights = window(tile, overlap)
    assert weights[tile - overlap :] + weights[:overlap] == pytest.approx(np.ones(overlap), abs=1e-6)


@given(cuts())
def test_the_shares_of_every_pixel_add_up_to_one(cut: tuple[int, int, int]) -> None:
    length, tile, _ = cut
    total = np.zeros(length)
    for start, share in shares(*cut).items():
        assert share.dtype == np.float32 and share.shape == (min(tile, length),)
        assert share.min() > 0
        total[start : start + tile] += share
    assert list(shares(*cut)) == origins(*cut)
    assert total == pytest.approx(np.ones(length), abs=1e-6)


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 5), st.integers(1, 500))
def test_blocks_of_rows_cover_all_in_order_and_hold_no_more_than_they_may(h: int, w: int, k: int, most: int) -> None:
    blocks = list(row_blocks((h, w, k), most))
    assert np.array_equal(np.concatenate([np.arange(h)[block] for block in blocks]), np.arange(h))
    assert all((block.stop - block.start) * w * k <= max(most, w * k) for block in blocks)
