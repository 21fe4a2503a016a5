"""Pixel statistics against NumPy on all pixels at once."""

from __future__ import annotations

import numpy as np
import pytest

from segport.domain.statistics import PixelStatistics

rng = np.random.default_rng(3)
IMAGES = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((5, 7), (16, 3), (9, 9))]
LABELS = [rng.choice(np.array([0, 1, 3, 255], np.uint8), image.shape[:2], p=[0.7, 0.1, 0.1, 0.1]) for image in IMAGES]
LABELS[1][LABELS[1] == 3] = 0  # class 3 is absent from one image, class 2 from all
TOTAL = PixelStatistics.total((PixelStatistics.of(i, t, 4) for i, t in zip(IMAGES, LABELS, strict=True)), 4)


def test_mean_and_std_are_those_of_all_pixels() -> None:
    pixels = np.concatenate([i.reshape(-1, 3) for i in IMAGES]).astype(np.float64) / 255
    assert TOTAL.mean == pytest.approx(pixels.mean(0), rel=1e-14)
    assert TOTAL.std == pytest.approx(pixels.std(0), rel=1e-14)


def test_counts() -> None:
    labels = np.concatenate([t.ravel() for t in LABELS])
    assert TOTAL.pixels.tolist() == [np.count_nonzero(labels == k) for k in range(4)]
    assert TOTAL.ignored == np.count_nonzero(labels == 255)
    assert TOTAL.images.tolist() == [3, 3, 0, 2]


def test_inverse_weights() -> None:
    raw = np.array([1 / n for n in TOTAL.pixels[[0, 1, 3]]])
    weights = TOTAL.inverse_weights()
    assert weights[2] == 1
    assert np.array(weights)[[0, 1, 3]] == pytest.approx(raw / raw.mean())


def test_median_weights_follow_eigen_and_fergus() -> None:
    frequencies = []
    for k in (0, 1, 3):
        with_k = [t[t != 255] for t in LABELS if (t == k).any()]
        frequencies.append(sum(np.count_nonzero(t == k) for t in with_k) / sum(t.size for t in with_k))
    paper = np.median(frequencies) / np.array(frequencies)
    weights = np.array(TOTAL.median_weights())[[0, 1, 3]]
    assert weights == pytest.approx(paper / paper.mean())
    assert weights.mean() == pytest.approx(1)


def test_order_does_not_matter_and_zero_is_neutral() -> None:
    parts = [PixelStatistics.of(i, t, 4) for i, t in zip(IMAGES, LABELS, strict=True)]
    other = PixelStatistics.zero(4, 3) + PixelStatistics.total(parts[::-1], 4)
    assert other.mean == TOTAL.mean
    assert other.std == TOTAL.std
    assert other.median_weights() == TOTAL.median_weights()


def test_grey_images_count_as_three_equal_channels_beside_colour() -> None:
    grey, labels = IMAGES[0][..., :1], LABELS[0]
    both = PixelStatistics.of(grey, labels, 4) + PixelStatistics.of(IMAGES[1], LABELS[1], 4)
    pixels = np.concatenate([np.repeat(grey, 3, axis=2).reshape(-1, 3), IMAGES[1].reshape(-1, 3)]) / 255
    assert both.mean == pytest.approx(pixels.mean(0))


def test_nothing_counted_has_neutral_weights() -> None:
    empty = PixelStatistics.zero(2, 3)
    assert (empty.mean, empty.std, empty.inverse_weights()) == ((0, 0, 0), (0, 0, 0), (1, 1))
