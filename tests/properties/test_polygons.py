"""Polygons against pycocotools, which defines the rule, and against points that lie clearly in or out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from segport.domain.errors import DataError
from segport.domain.masks.polygons import fill, fill_all

SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))
NUMBERS = st.one_of(st.integers(-10, 34).map(float), st.floats(-10, 34))
POLYGONS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=9).map(
    lambda points: [v for p in points for v in p]
)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools itself
@given(st.lists(POLYGONS, min_size=1, max_size=3), SIZES)
def test_every_pixel_is_as_pycocotools_has_it(parts: list[list[float]], size: tuple[int, int]) -> None:
    # A list of 4 polygons of 4 numbers would be boxes to it; ours have 6 numbers at least.
    expected = coco.decode(coco.merge(coco.frPyObjects(parts, *size)))
    np.testing.assert_array_equal(fill_all(parts, size), expected)


def test_a_rectangle_covers_the_pixels_whose_centres_it_holds() -> None:
    expected = np.zeros((5, 6), np.uint8)
    expected[1:4, 2:5] = 1
    np.testing.assert_array_equal(fill([2, 1, 5, 1, 5, 4, 2, 4], (5, 6)), expected)
    np.testing.assert_array_equal(fill([5, 4, 5, 1, 2, 1, 2, 4], (5, 6)), expected)  # the other way round
    np.testing.assert_array_equal(fill([-9, -9, 99, -9, 99, 99, -9, 99], (5, 6)), np.ones((5, 6), np.uint8))
    np.testing.assert_array_equal(fill([7, 1, 9, 1, 9, 3], (5, 6)), np.zeros((5, 6), np.uint8))


def test_parts_are_joined_not_cut_out() -> None:
    whole, inner = [0, 0, 6, 0, 6, 5, 0, 5], [2, 2, 4, 2, 4, 4, 2, 4]
    assert fill_all([whole, inner], (5, 6)).all()


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ([1, 2, 3, 4], "at least 3 corners, 6 numbers; found 4"),
        ([1, 2, 3, 4, 5, 6, 7], "found 7"),
        ([1, 2, 3, 4, 5, float("nan")], "found nan"),
        ([1, 2, 3, 4, 5, 1e12], "found 1000000000000"),
        ([1, 2, 3, 4, 5, "x"], "list of numbers"),
        ([[1, 2], [3, 4], [5, 6]], "found 6"),
    ],
)
def test_what_is_no_polygon_is_refused_with_its_part(corners: list[object], words: str) -> None:
    with pytest.raises(DataError, match=f"Part 2 of 2.*{words}"):
        fill_all([[0, 0, 1, 0, 1, 1], corners], (4, 4))  # type: ignore[list-item]
