"""How far two sets of logits are apart, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segport.domain.metrics.differences import TIE, Difference, decisions


def logits(*pixels: tuple[float, ...]) -> np.ndarray:
    return np.array(pixels, np.float32)


FIRST = logits((8, 0, 0), (0, 1, 0), (2, 2.0001, 0), (-4, -4, -4))
OTHER = logits((7, 0, 0), (0, 0, 1), (2.0001, 2, 0), (-4, -4, -4))


def test_the_largest_difference_and_what_it_decides() -> None:
    found = Difference.of(FIRST, OTHER)
    assert (found.largest, found.scale, found.relative) == (1.0, 8.0, 0.125)
    assert (found.pixels, found.differing, found.ties, found.share) == (4, 2, 1, 0.5)


def test_logits_do_not_differ_from_themselves() -> None:
    assert Difference.of(FIRST, FIRST) == Difference(0.0, 8.0, 4, 0, 0)


def test_a_pixel_is_a_tie_up_to_a_share_of_the_largest_logit() -> None:
    for lead, ties in ((TIE * 8 / 2, 1), (TIE * 8 * 2, 0)):
        first = logits((8, 0), (lead, 0))
        assert Difference.of(first, logits((8, 0), (0, lead))).ties == ties


def test_one_logit_is_decided_at_zero() -> None:
    first, other = logits((10,), (0,), (0.0005,), (-5,)), logits((10,), (0.1,), (-0.0005,), (5,))
    assert decisions(first).tolist() == [1, 0, 1, 0]
    found = Difference.of(first, other)
    assert (found.largest, found.differing, found.ties) == (10.0, 3, 2)


def test_equal_logits_go_to_the_first_class() -> None:
    assert decisions(logits((1, 1), (0, 0))).tolist() == [0, 0]


def test_differences_add_up_over_images() -> None:
    parts = [Difference.of(FIRST[i : i + 1], OTHER[i : i + 1]) for i in range(4)]
    whole = sum(parts, Difference())
    assert (whole.largest, whole.scale, whole.pixels, whole.differing) == (1.0, 8.0, 4, 2)


@pytest.mark.parametrize("swapped", [False, True])
def test_nan_is_not_lost_among_numbers(swapped: bool) -> None:
    broken, sound = Difference.of(FIRST, OTHER * np.float32("nan")), Difference.of(FIRST, OTHER)
    total = sound + broken if swapped else broken + sound
    assert math.isnan(total.largest) and math.isnan(total.relative)


def test_without_pixels_there_is_no_share() -> None:
    assert math.isnan(Difference().share) and Difference().relative == 0
