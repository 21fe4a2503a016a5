"""Counting: the laws of the monoid, and agreement with scikit-learn's confusion matrix."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError
from segport.domain.metrics.confusion import Confusion, per_image
from segport.domain.metrics.counting import count_pairs

Maps = tuple[NDArray[np.uint8], NDArray[np.uint8], int]


COUNTS_OF_CLASSES = st.sampled_from([1, 2, 3, 5, 15, 16, 40, 255])


@st.composite
def label_maps(draw: st.DrawFn, classes: st.SearchStrategy[int] = COUNTS_OF_CLASSES) -> Maps:
    """Truth with ignored pixels, prediction of the same shape, number of classes."""
    count = draw(classes)
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=12))
    label = st.integers(0, count - 1)
    truth = draw(arrays.arrays(np.uint8, shape, elements=st.one_of(label, st.just(IGNORE))))
    return truth, draw(arrays.arrays(np.uint8, shape, elements=label)), count


def counted(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    valid = truth != IGNORE
    if classes == 1 or not valid.any():  # scikit-learn warns of the one and refuses the other
        return np.full((classes, classes), np.count_nonzero(valid))
    return confusion_matrix(truth[valid], prediction[valid], labels=np.arange(classes))


@given(label_maps())
def test_counts_are_those_of_scikit_learn(maps: Maps) -> None:
    assert np.array_equal(Confusion.of(*maps).counts, counted(*maps))


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 15, 16, 255])
@pytest.mark.parametrize("pixels", [(1 << 15) - 1, 1 << 15, (1 << 16) + 1, (1 << 17) + 3])
def test_large_maps_are_counted_like_small_ones(classes: int, pixels: int) -> None:
    rng = np.random.default_rng(classes * pixels)
    truth, prediction = rng.integers(0, classes, (2, pixels), np.uint8)
    truth[rng.random(pixels) < 0.1] = IGNORE
    assert np.array_equal(count_pairs(truth, prediction, classes), counted(truth, prediction, classes))


@given(label_maps(), st.sampled_from([np.int64, np.int32, np.uint16, np.int16]), st.booleans())
def test_dtype_and_memory_order_do_not_matter(maps: Maps, dtype: type[np.integer], transposed: bool) -> None:
    truth, prediction, classes = maps
    expected = Confusion.of(truth, prediction, classes)
    other, another = truth.astype(dtype), prediction.astype(dtype)
    if transposed:
        other, another = np.asfortranarray(other), np.asfortranarray(another)
    assert Confusion.of(other, another, classes) == expected


@given(label_maps(), st.integers(0, 11))
def test_counts_add_over_any_cut(maps: Maps, row: int) -> None:
    truth, prediction, classes = maps
    parts = per_image([truth[:row], truth[row:]], [prediction[:row], prediction[row:]], classes)
    assert Confusion.sum(parts, classes) == Confusion.of(truth, prediction, classes)


@given(st.data(), st.integers(1, 6))
def test_confusions_are_a_commutative_monoid(data: st.DataObject, classes: int) -> None:
    counts = arrays.arrays(np.int64, (classes, classes), elements=st.integers(0, 2**50))
    a, b, c = (Confusion(data.draw(counts)) for _ in range(3))
    zero = Confusion.zero(classes)
    assert a + zero == a == zero + a
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert Confusion.sum([], classes) == zero


@given(label_maps())
def test_what_is_predicted_at_ignored_pixels_does_not_matter(maps: Maps) -> None:
    truth, prediction, classes = maps
    elsewhere = np.where(truth == IGNORE, np.uint8(254), prediction)
    assert Confusion.of(truth, elsewhere, classes) == Confusion.of(truth, prediction, classes)
    assert Confusion.of(truth, prediction, classes).total == np.count_nonzero(truth != IGNORE)


@given(label_maps(st.integers(2, 20)), st.integers(0, 2**32))
def test_renaming_classes_permutes_rows_and_columns(maps: Maps, seed: int) -> None:
    truth, prediction, classes = maps
    order = np.random.default_rng(seed).permutation(classes).astype(np.uint8)
    renamed = np.where(truth == IGNORE, IGNORE, order[np.minimum(truth, classes - 1)])
    counts = Confusion.of(renamed, order[prediction], classes).counts
    assert np.array_equal(counts[np.ix_(order, order)], Confusion.of(*maps).counts)


@given(label_maps())
def test_marginals_and_outcomes_add_up(maps: Maps) -> None:
    confusion = Confusion.of(*maps)
    positives = confusion.true_positives + confusion.false_negatives
    assert np.array_equal(positives, confusion.support)
    assert np.array_equal(confusion.true_positives + confusion.false_positives, confusion.predicted)
    everything = positives + confusion.false_positives + confusion.true_negatives
    assert np.array_equal(everything, np.full(confusion.classes, confusion.total))


@given(label_maps(st.integers(1, 254)), st.integers(0, 254), st.booleans())
@example((np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), 1), 1, True)
def test_values_that_are_no_class_are_refused_wherever_they_count(maps: Maps, value: int, in_truth: bool) -> None:
    truth, prediction, classes = maps
    value = max(value, classes)
    truth, prediction = truth.copy(), prediction.copy()
    truth[0, 0] = 0
    (truth if in_truth else prediction)[0, 0] = value
    with pytest.raises(DataError, match=rf"value {value}: 1 pixels"):
        Confusion.of(truth, prediction, classes)
