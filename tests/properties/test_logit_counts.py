"""Histograms of logits: a monoid of counts, held against the definition written out and against known logits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError
from segport.domain.metrics.logits import BINS, LIMIT, OTHERS, OWN, LogitCounts, logits_of

K = 3
WIDTH = 2 * LIMIT / BINS


@st.composite
def pixels(draw: st.DrawFn, planes: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, probabilities and the logits they are made from, of one image; ignored pixels among them."""
    size = draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    z = rng.normal(0, draw(st.sampled_from([0.5, 4, 12])), (size, 2, K))
    if planes:
        truth = rng.choice([0, 1, IGNORE], (size, 2, K)).astype(np.uint8)
        return truth, (1 / (1 + np.exp(-z))).astype(np.float32), z
    truth = rng.choice([*range(K), IGNORE], (size, 2)).astype(np.uint8)
    p = np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))
    return truth, p.astype(np.float32), z


def place(logit: float) -> int:
    return min(max(math.floor((logit + LIMIT) / WIDTH), 0), BINS - 1)


def near_an_edge(logit: float) -> bool:
    return abs(logit / WIDTH - round(logit / WIDTH)) < 1e-3


@given(pixels())
def test_each_class_counts_the_logits_of_its_own_pixels_and_of_the_others(parts) -> None:
    truth, p, z = parts
    wanted, unsure = np.zeros((K, BINS, 2), np.int64), 0
    for t, row in zip(truth.flat, z.reshape(-1, K), strict=True):
        for k in range(K):
            logit = row[k] - np.logaddexp.reduce(np.delete(row, k))
            if t != IGNORE:
                wanted[k, place(logit), OWN if t == k else OTHERS] += 1
                unsure += near_an_edge(logit)
    found = LogitCounts.of(truth, p).counts
    assert np.abs(found - wanted).sum() <= 2 * unsure
    assert (found.sum(axis=1) == wanted.sum(axis=1)).all()


@given(pixels(planes=True))
def test_planes_are_counted_each_by_its_own_sigmoid(parts) -> None:
    truth, p, z = parts
    wanted, unsure = np.zeros((K, BINS, 2), np.int64), 0
    for i in np.ndindex(truth.shape):
        if truth[i] != IGNORE:
            wanted[i[-1], place(z[i]), OWN if truth[i] else OTHERS] += 1
            unsure += near_an_edge(z[i]) or z[i] > 8  # float32 has few digits left between such a probability and 1
    found = LogitCounts.of(truth, p).counts
    assert np.abs(found - wanted).sum() <= 2 * unsure
    assert (found.sum(axis=1) == wanted.sum(axis=1)).all()


@given(pixels(), pixels())
def test_adding_counts_is_counting_what_is_put_together(a, b) -> None:
    together = LogitCounts.of(*(np.concatenate(some) for some in zip(a[:2], b[:2], strict=True))).counts
    one, other = LogitCounts.of(*a[:2]), LogitCounts.of(*b[:2])
    assert ((one + other).counts == together).all()
    assert ((other + one).counts == together).all()
    assert ((LogitCounts.zero(K) + one).counts == one.counts).all()


@given(arrays.arrays(np.float32, (4, K), elements=st.floats(-60, 60, width=32)))
def test_a_softmax_gives_the_same_logits_whatever_is_added_to_a_pixel(z) -> None:
    def shares(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values - values.max(axis=-1, keepdims=True), dtype=np.float64)
        return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)

    wanted = [[row[k] - np.logaddexp.reduce(np.delete(row, k)) for k in range(K)] for row in z.astype(np.float64)]
    added = np.array([[7], [-3], [0], [100]])
    for values in (z, z + added):  # float32 ends where logits of -100 and below are
        found = np.clip(logits_of(shares(values)), -60, 60)
        assert found == pytest.approx(np.clip(wanted, -60, 60), rel=1e-4, abs=1e-4)


def test_what_is_beyond_the_range_is_in_the_outermost_bins() -> None:
    found = LogitCounts.of(np.array([[0, 0, 1]], np.uint8), np.array([[[1, 0], [0, 1], [0.5, 0.5]]], np.float32))
    assert found.counts[0, -1].tolist() == [0, 1] and found.counts[0, 0].tolist() == [0, 1]
    assert found.counts[1, 0].tolist() == [1, 0] and found.counts[1, -1].tolist() == [1, 0]
    middle = BINS // 2
    assert found.edges[middle] == 0 and found.counts[:, middle].tolist() == [[1, 0], [0, 1]]


def test_images_larger_than_a_block_are_counted_whole() -> None:
    rng = np.random.default_rng(0)
    truth, p = rng.integers(0, 2, (300, 200)).astype(np.uint8), rng.random((300, 200, 1), np.float32)
    p = np.concatenate([p, 1 - p], axis=-1)
    rows = sum((LogitCounts.of(truth[i : i + 1], p[i : i + 1]) for i in range(300)), LogitCounts.zero(2))
    assert (LogitCounts.of(truth, p).counts == rows.counts).all()
    assert rows.counts.sum() == 2 * 300 * 200


def test_what_is_no_probability_is_refused() -> None:
    for value in (math.nan, 1.5, -0.5):
        with pytest.raises(DataError, match="between 0 and 1"):
            LogitCounts.of(np.zeros((2, 2), np.uint8), np.full((2, 2, K), value, np.float32))
    with pytest.raises(DataError, match="do not fit"):
        LogitCounts.of(np.zeros((2, 3), np.uint8), np.zeros((2, 2, K), np.float32))
