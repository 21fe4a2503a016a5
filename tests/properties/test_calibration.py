"""Calibration: a monoid of counts, and the expected calibration error against the paper's formula written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.metrics.calibration import BINS, ECE_BINS, RIGHT, WRONG, Calibration

K = 3


@st.composite
def pixels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prediction and confidence of one image, ignored pixels and bin edges among them."""
    size = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = rng.choice([0, 1, 2, IGNORE], (1, size)).astype(np.uint8)
    prediction = rng.integers(0, K, (1, size)).astype(np.uint8)
    edges = rng.integers(0, ECE_BINS + 1, (1, size)) / ECE_BINS
    confidence = np.where(rng.random((1, size)) < 0.3, edges, rng.random((1, size)))
    return truth, prediction, confidence.astype(np.float32)


def of(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Calibration:
    return Calibration.of(*parts, K)


def equal(one: Calibration, other: Calibration) -> bool:
    return bool((one.counts == other.counts).all() and (one.sums == other.sums).all())


def written_out(truth: np.ndarray, prediction: np.ndarray, confidence: np.ndarray) -> float:
    """Eq. 3 of Guo et al., bin by bin in plain Python: the bins are (m - 1) / M < confidence <= m / M."""
    triples = zip(truth.flat, prediction.flat, confidence.flat, strict=True)
    counted = [(p == t, float(c)) for t, p, c in triples if t != IGNORE]
    error = 0.0
    for m in range(1, ECE_BINS + 1):
        low, high = np.float32((m - 1) / ECE_BINS), np.float32(m / ECE_BINS)
        inside = [(right, c) for right, c in counted if low < c <= high or (m == 1 and c == 0)]
        if inside:
            accuracy = sum(right for right, _ in inside) / len(inside)
            mean = sum(c for _, c in inside) / len(inside)
            error += len(inside) / len(counted) * abs(accuracy - mean)
    return error if counted else math.nan


@given(pixels())
def test_ece_is_the_paper_s_formula(parts) -> None:
    assert of(parts).ece().value == pytest.approx(written_out(*parts), abs=2e-6, nan_ok=True)


@given(pixels())
def test_each_class_has_the_ece_of_the_pixels_predicted_as_it(parts) -> None:
    truth, prediction, confidence = parts
    for k, value in enumerate(of(parts).ece().per_class):
        chosen = prediction == k
        alone = written_out(truth[chosen], prediction[chosen], confidence[chosen])
        assert value == pytest.approx(alone, abs=2e-6, nan_ok=True)


@given(pixels(), pixels(), pixels())
def test_adding_counts_is_counting_what_is_put_together(a, b, c) -> None:
    together = tuple(np.concatenate(arrays, axis=1) for arrays in zip(a, b, c, strict=True))
    assert equal(of(a) + of(b) + of(c), of(together))
    assert equal(of(a) + of(b), of(b) + of(a))
    assert equal(of(a) + Calibration.zero(K), of(a))


@given(pixels())
def test_every_counted_pixel_is_in_one_bin_right_or_wrong(parts) -> None:
    truth, prediction, confidence = parts
    found, counted = of(parts), truth != IGNORE
    assert found.pixels.sum() == counted.sum()
    assert found.counts[..., RIGHT].sum() == (counted & (truth == prediction)).sum()
    assert found.counts[..., WRONG].sum(axis=1).tolist() == [
        int((counted & (truth != prediction) & (prediction == k)).sum()) for k in range(K)
    ]
    assert found.sums.sum() / 2**20 == pytest.approx(confidence[counted].sum(dtype=float), abs=1e-4)


@given(st.integers(1, ECE_BINS), st.integers(1, 30))
def test_what_is_right_as_often_as_it_says_has_no_error(confidence: int, repeats: int) -> None:
    """Of ECE_BINS pixels at confidence c / ECE_BINS exactly c are right."""
    truth = np.tile(np.arange(ECE_BINS) < confidence, repeats).astype(np.uint8)[None]
    prediction = np.ones_like(truth)
    found = Calibration.of(truth, prediction, np.full(truth.shape, confidence / ECE_BINS, np.float32), 2)
    assert found.ece().value == pytest.approx(0, abs=1e-6)


def test_sure_and_wrong_is_the_largest_error() -> None:
    truth, prediction = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)
    score = Calibration.of(truth, prediction, np.ones((4, 4), np.float32), 2).ece()
    assert score.value == 1
    assert score.per_class.tolist() == pytest.approx([math.nan, 1], nan_ok=True)
    assert score.support.tolist() == [0, 16]
    assert "15 equal bins" in score.definition


def test_rows_are_all_pixels_then_each_class() -> None:
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    prediction = np.array([[0, 1, 1, 1]], np.uint8)
    found = Calibration.of(truth, prediction, np.array([[0.75, 0.5, 1, 1]], np.float32), 3)
    every, zero, one, two = found.rows(("zero", "one", "two"))
    assert (every.name, every.pixels, every.confidence, every.accuracy) == ("all", 4, 0.8125, 0.75)
    assert (zero.name, zero.pixels, zero.confidence, zero.accuracy, zero.ece) == ("zero", 1, 0.75, 1, 0.25)
    assert (one.pixels, one.accuracy) == (3, pytest.approx(2 / 3))
    assert (two.pixels, math.isnan(two.ece), math.isnan(two.confidence)) == (0, True, True)


def test_bins_merge_into_wider_ones_only() -> None:
    rng = np.random.default_rng(1)
    parts = (np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8), rng.random((9, 9), np.float32))
    assert equal(Calibration.of(*parts, 1).merged(ECE_BINS), Calibration.of(*parts, 1, ECE_BINS))
    with pytest.raises(InvalidSpecError, match=f"{BINS} bins cannot be merged into 7"):
        Calibration.of(*parts, 1).merged(7)


def test_what_is_no_probability_is_refused() -> None:
    labels = np.zeros((2, 2), np.uint8)
    for value in (math.nan, 1.5, -0.5):
        with pytest.raises(DataError, match="between 0 and 1"):
            Calibration.of(labels, labels, np.full((2, 2), value, np.float32), 2)
    with pytest.raises(DataError, match="one shape"):
        Calibration.of(labels, labels, np.zeros((2, 3), np.float32), 2)


def test_interpolation_s_rounding_errors_are_taken_for_one_and_zero() -> None:
    labels = np.zeros((1, 2), np.uint8)
    found = Calibration.of(labels, labels, np.array([[1 + 1e-6, -1e-6]], np.float32), 1)
    assert found.pixels[0, [0, -1]].tolist() == [1, 1]
