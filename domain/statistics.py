"""What is measured of training images: colours and classes, as exact integer counts that can be added in any order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from .arrays import IGNORE, Image, Labels, Planes

_AT_ONCE = 1 << 22
_POWERS = np.arange(256, dtype=np.int64)[:, None] ** np.arange(3)


@frozen(eq=False)
class PixelStatistics:
    """Counts over some images. A monoid: ``zero`` and ``+``.

    Attributes:
        moments: (C, 3) int64, for each channel the number, the sum and the sum of squares of its uint8 values. Exact up
            to 10^14 pixels.
        pixels: (K,) int64, pixels of each class.
        present: (K,) int64, counted pixels of the images in which the class occurs.
        images: (K,) int64, images in which the class occurs.
        ignored: pixels that count nowhere; of planes, in none.
    """

    moments: NDArray[np.int64]
    pixels: NDArray[np.int64]
    present: NDArray[np.int64]
    images: NDArray[np.int64]
    ignored: int

    @classmethod
    def zero(cls, classes: int, channels: int = 1) -> PixelStatistics:
        """Statistics of no image."""
        none = np.zeros(classes, np.int64)
        return cls(np.zeros((channels, 3), np.int64), none, none, none, 0)

    @classmethod
    def of(cls, image: Image, labels: Labels, classes: int) -> PixelStatistics:
        """Statistics of one image; labels are < ``classes`` or IGNORE, or (H, W, K) planes.

        Ignored pixels do count in ``moments``.
        """
        histogram = np.stack([_histogram(image[..., c]) for c in range(image.shape[-1])])
        pixels, counted, ignored = _of_planes(labels) if labels.ndim == 3 else _of_labels(labels, classes)
        seen = pixels > 0
        return cls(histogram @ _POWERS, pixels, seen * counted, seen.astype(np.int64), ignored)

    def __add__(self, other: PixelStatistics) -> PixelStatistics:
        """Of both; where only one is in colour, the other's grey counts as three equal channels."""
        channels = max(len(self.moments), len(other.moments))
        return PixelStatistics(
            self._widened(channels) + other._widened(channels),
            self.pixels + other.pixels,
            self.present + other.present,
            self.images + other.images,
            self.ignored + other.ignored,
        )

    @classmethod
    def total(cls, parts: Iterable[PixelStatistics], classes: int) -> PixelStatistics:
        """The sum of all."""
        return sum(parts, cls.zero(classes))

    def _widened(self, channels: int) -> NDArray[np.int64]:
        return self.moments if len(self.moments) == channels else np.repeat(self.moments, channels, axis=0)

    @property
    def mean(self) -> tuple[float, ...]:
        """Per channel, of pixel / 255; 0 for no pixels."""
        return tuple(sum_ / max(n, 1) / 255 for n, sum_, _ in self._sums())

    @property
    def std(self) -> tuple[float, ...]:
        """Per channel, population standard deviation of pixel / 255."""
        # Python's integers keep n * squares - sum^2 exact, where floats would cancel.
        return tuple(math.sqrt(n * squares - sum_ * sum_) / max(n, 1) / 255 for n, sum_, squares in self._sums())

    def _sums(self) -> list[tuple[int, int, int]]:
        return [(int(n), int(total), int(squares)) for n, total, squares in self.moments]

    def inverse_weights(self) -> tuple[float, ...]:
        """Inverse class frequency, mean 1 over the classes that occur; 1 for one that does not."""
        return _normalised(1 / np.maximum(self.pixels, 1), self.pixels)

    def median_weights(self) -> tuple[float, ...]:
        """Median frequency balancing (Eigen and Fergus 2015, arXiv 1411.4734), scaled to mean 1 likewise.

        The frequency of a class is its pixels over all counted pixels of the images in which it occurs; its weight is
        the median of the frequencies over its own. The median is a common factor, which the scaling takes out.
        """
        return _normalised(self.present / np.maximum(self.pixels, 1), self.pixels)


_Counted: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], int]
"""(K,) pixels of each class, (K,) pixels that count for it, and the number of those that count nowhere."""


def _histogram(values: Labels) -> NDArray[np.int64]:
    """(256,) of (H, W) uint8, rows by rows: ``bincount`` makes a copy of its input that is eight times as wide."""
    rows = max(1, _AT_ONCE // max(1, values.shape[1]))
    blocks = (values[first : first + rows] for first in range(0, len(values), rows))
    total = np.zeros(256, np.int64)
    for block in blocks:
        total += np.bincount(block.ravel(), minlength=256)
    return total


def _of_labels(labels: Labels, classes: int) -> _Counted:
    counts = _histogram(labels)
    pixels = counts[:classes].copy()  # a view would keep the whole histogram, of every image
    return pixels, np.full(classes, pixels.sum()), int(counts[IGNORE])


def _of_planes(planes: Planes) -> _Counted:
    ignored = planes == IGNORE
    pixels = np.asarray((planes == 1).sum(axis=(0, 1)), np.int64)
    return pixels, np.asarray((~ignored).sum(axis=(0, 1)), np.int64), int(ignored.all(axis=2).sum())


def _normalised(weights: NDArray[np.float64], pixels: NDArray[np.int64]) -> tuple[float, ...]:
    occurs = pixels > 0
    if not occurs.any():
        return (1.0,) * len(pixels)
    scaled = weights / weights[occurs].mean()
    return tuple(float(w) for w in np.where(occurs, scaled, 1.0))
