"""Whether probabilities are what they say: pixels counted by predicted class and confidence, the right and the wrong.

A pixel's confidence is the probability of its predicted class, the largest of all. Of the pixels predicted with
confidence c, a calibrated model has the share c right (Guo et al. 2017, "On Calibration of Modern Neural Networks",
arXiv 1706.04599, eq. 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import IGNORE, Labels, Planes
from ..errors import DataError, InvalidSpecError
from .score import Score

BINS = 60
"""Bins that are counted: fine enough for histograms, and each of the fifteen of ECE is four of them."""
ECE_BINS = 15
"""As in the tables of Guo et al."""
WRONG, RIGHT = 0, 1
_UNIT = 1 << 20
_SLACK = 1e-3  # interpolated probabilities may leave [0, 1] by a rounding error


@frozen
class CalibrationRow:
    """Some pixels' mean confidence, the share of them that is right (accuracy), and ECE; NaN without pixels."""

    name: str
    pixels: int
    confidence: float
    accuracy: float
    ece: float


@frozen(eq=False)
class Calibration:
    """Exact integer counts over some pixels. A monoid: ``zero`` and ``+``.

    Attributes:
        counts: (K, B, 2) int64: pixels by predicted class, bin of confidence, and WRONG or RIGHT. Bin b holds the
            confidences in (b / B, (b + 1) / B].
        sums: (K, B) int64: the sum of the confidences of these pixels, each rounded to 2**-20 and counted in that unit,
            so that parts can be added in any order.
    """

    counts: NDArray[np.int64]
    sums: NDArray[np.int64]

    @classmethod
    def zero(cls, classes: int, bins: int = BINS) -> Calibration:
        """Of no pixel."""
        return cls(np.zeros((classes, bins, 2), np.int64), np.zeros((classes, bins), np.int64))

    @classmethod
    def of(
        cls, truth: Labels, prediction: Labels, confidence: NDArray[np.float32], classes: int, bins: int = BINS
    ) -> Calibration:
        """Counts one image; pixels whose truth is IGNORE count nowhere.

        Args:
            truth: (H, W) class indices.
            prediction: (H, W) class indices.
            confidence: (H, W) probabilities of the predicted classes.

        Raises DataError when shapes differ, or a confidence is no probability.
        """
        if not truth.shape == prediction.shape == confidence.shape:
            shapes = f"{truth.shape}, {prediction.shape} and {confidence.shape}"
            raise DataError(f"Truth, prediction and confidence must have one shape; found {shapes}.")
        if confidence.size and not (confidence.min() >= -_SLACK and confidence.max() <= 1 + _SLACK):
            raise DataError(
                f"Probabilities are between 0 and 1; found {confidence.min()} to {confidence.max()}.",
                fix="A model with weights that are not finite gives such values: evaluate another checkpoint.",
            )
        bin_ = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(np.intp)
        cell = prediction * np.intp(bins) + bin_
        outcome = np.where(truth == IGNORE, 2, truth == prediction)
        pixels = np.bincount((cell * 3 + outcome).ravel(), minlength=classes * bins * 3)
        units = np.where(truth == IGNORE, 0, np.rint(confidence.astype(np.float64) * _UNIT))
        sums = np.bincount(cell.ravel(), units.ravel(), minlength=classes * bins)  # whole numbers, far below 2**53
        counts = pixels.reshape(classes, bins, 3)[..., :2]
        return cls(counts.astype(np.int64), sums.reshape(classes, bins).astype(np.int64))

    @classmethod
    def of_planes(
        cls, truth: Planes, prediction: Planes, confidence: NDArray[np.float32], classes: int, bins: int = BINS
    ) -> Calibration:
        """Counts one image's planes, (H, W, K) each: of class k, all pixels that count in plane k.

        Confidence is the probability of what was decided, inside or outside. Raises DataError as ``of``.
        """
        index = np.arange(classes, dtype=np.uint8)
        decided = np.where(truth == prediction, index, (index + 1) % IGNORE).astype(np.uint8)  # itself, or another
        return cls.of(
            np.where(truth == IGNORE, np.uint8(IGNORE), decided),
            np.broadcast_to(index, prediction.shape),
            confidence,
            classes,
            bins,
        )

    def __add__(self, other: Calibration) -> Calibration:
        return Calibration(self.counts + other.counts, self.sums + other.sums)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(K, B) pixels, right and wrong."""
        return np.asarray(self.counts.sum(axis=-1), np.int64)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(K, B) share of the pixels that are right; NaN in an empty bin."""
        return _share(self.counts[..., RIGHT], self.pixels)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(K, B) mean confidence; NaN in an empty bin."""
        return _share(self.sums / _UNIT, self.pixels)

    @property
    def overall(self) -> Calibration:
        """All predicted classes as one."""
        return Calibration(self.counts.sum(axis=0, keepdims=True), self.sums.sum(axis=0, keepdims=True))

    def merged(self, bins: int) -> Calibration:
        """Counted in fewer, wider bins. Raises InvalidSpecError unless each is made of whole ones."""
        classes, fine, _ = self.counts.shape
        if bins < 1 or fine % bins:
            raise InvalidSpecError(f"{fine} bins cannot be merged into {bins}.", fix=f"Take a divisor of {fine}.")
        counts = self.counts.reshape(classes, bins, -1, 2).sum(axis=2)
        return Calibration(counts, self.sums.reshape(classes, bins, -1).sum(axis=2))

    def ece(self) -> Score:
        """Expected calibration error (Guo et al. 2017, eq. 3); of each class over the pixels predicted as it."""
        per_class = _ece(self.merged(ECE_BINS))
        definition = (
            f"Mean over {ECE_BINS} equal bins of confidence, weighted by their pixels, of |share right - mean "
            "confidence|; confidence is the probability of the predicted class. Pixels of all images together."
        )
        support = np.asarray(self.pixels.sum(axis=-1), np.int64)
        return Score("ece", _ece(self.overall.merged(ECE_BINS))[0], per_class, support, definition)

    def rows(self, names: Sequence[str]) -> tuple[CalibrationRow, ...]:
        """All pixels, under the name "all", then those predicted as each class."""
        return self.overall._rows(("all",)) + self._rows(names)

    def _rows(self, names: Sequence[str]) -> tuple[CalibrationRow, ...]:
        whole = self.merged(1)
        columns = (whole.pixels[:, 0], whole.confidence[:, 0], whole.accuracy[:, 0], _ece(self.merged(ECE_BINS)))
        return tuple(CalibrationRow(*row) for row in zip(names, *(c.tolist() for c in columns), strict=True))


def _ece(binned: Calibration) -> NDArray[np.float64]:
    """(K,): the weights n_b / n and the means' denominators n_b cancel."""
    gaps = np.abs(binned.counts[..., RIGHT] - binned.sums / _UNIT)
    return _share(gaps.sum(axis=-1), binned.pixels.sum(axis=-1))


def _share(part: NDArray[np.int64] | NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0), np.float64)
