"""Confusion matrices: worked examples and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.metrics.confusion import Confusion, per_image

TRUTH = np.array([[0, 0, 1], [1, 2, IGNORE]], np.uint8)
PREDICTION = np.array([[0, 1, 1], [1, 0, 2]], np.uint8)


def test_rows_are_the_truth() -> None:
    confusion = Confusion.of(TRUTH, PREDICTION, 3)
    assert confusion.counts.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert confusion.counts.dtype == np.int64
    assert confusion.support.tolist() == [2, 2, 1]
    assert confusion.predicted.tolist() == [2, 3, 0]
    assert confusion.true_negatives.tolist() == [2, 2, 4]


def test_one_matrix_for_each_image() -> None:
    matrices = per_image([TRUTH, TRUTH[:1]], [PREDICTION, PREDICTION[:1]], 3)
    assert [matrix.total for matrix in matrices] == [5, 3]


def test_an_image_without_pixels_or_all_ignored_counts_nothing() -> None:
    nothing = np.zeros((0, 4), np.uint8)
    assert Confusion.of(nothing, nothing, 3) == Confusion.zero(3)
    assert Confusion.of(np.full((2, 2), IGNORE), np.zeros((2, 2), np.uint8), 3) == Confusion.zero(3)


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match=r"Truth has shape \(2, 3\) and prediction \(1, 3\)"):
        Confusion.of(TRUTH, PREDICTION[:1], 3)


def test_every_stray_value_is_listed_with_its_pixels() -> None:
    with pytest.raises(DataError) as caught:
        Confusion.of(np.zeros((2, 3), np.uint8), np.array([[7, 7, 0], [0, 0, 9]], np.uint8), 2)
    assert caught.value.problems == ("value 7: 2 pixels", "value 9: 1 pixels")
    assert "Prediction" in str(caught.value)
    assert "0 to 1" in str(caught.value)


def test_values_are_not_wrapped_to_a_byte() -> None:
    with pytest.raises(DataError, match="value 256: 1 pixels"):
        Confusion.of(np.array([[256, 0]]), np.array([[0, 0]]), 2)
    with pytest.raises(DataError, match="value -1: 1 pixels"):
        Confusion.of(np.array([[0, 0]]), np.array([[-1, 0]]), 2)


def test_matrices_of_different_classes_do_not_add() -> None:
    with pytest.raises(DataError, match="3 and 2 classes"):
        Confusion.zero(3) + Confusion.zero(2)


@pytest.mark.parametrize("classes", [0, 256])
def test_the_number_of_classes_fits_a_label(classes: int) -> None:
    with pytest.raises(InvalidSpecError, match=f"not {classes}"):
        Confusion.of(TRUTH, PREDICTION, classes)


def test_a_matrix_is_square() -> None:
    with pytest.raises(InvalidSpecError, match=r"shape \(2, 3\)"):
        Confusion(np.zeros((2, 3)))
