"""Metrics of the matrix as a whole: accuracy, chance-corrected agreement, correlation, frequency-weighted IoU."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import frozen

from .averages import Outcomes, divide
from .confusion import Confusion
from .score import Score


def _quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


@frozen
class PixelAccuracy:
    """The share of pixels that are right."""

    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [0, 1]."""
        value = _quotient(int(confusion.true_positives.sum()), confusion.total)
        return Score(self.name, value, None, confusion.support, "Correctly classified pixels / all counted pixels.")


@frozen
class ElementAccuracy:
    """The share of decisions that are right, one a pixel and class: the accuracy of classes that may overlap.

    High where classes are rare, so read it beside the IoU.
    """

    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [0, 1]."""
        right = int((confusion.true_positives + confusion.true_negatives).sum())
        wrong = int((confusion.false_positives + confusion.false_negatives).sum())
        definition = "Right decisions / all decisions, one for each counted pixel and class (element-wise)."
        return Score(self.name, _quotient(right, right + wrong), None, confusion.support, definition)


@frozen
class FrequencyWeightedIoU:
    """IoU of the classes, weighted by their share of the truth."""

    name: ClassVar[str] = "fwiou"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [0, 1]; ``per_class`` holds the IoU of each class."""
        outcomes = Outcomes.of(confusion)
        iou = divide(outcomes.tp, outcomes.tp + outcomes.fp + outcomes.fn)
        value = _quotient(float((confusion.support * np.nan_to_num(iou)).sum()), int(confusion.support.sum()))
        definition = (
            "Mean over classes of TP / (TP + FP + FN), weighted by each class's share of the true pixels; "
            "a class that is not in the truth has no weight."
        )
        return Score(self.name, value, iou, confusion.support, definition)


@frozen
class Kappa:
    """Cohen's kappa (Cohen 1960): agreement beyond what the marginal frequencies give by chance."""

    name: ClassVar[str] = "kappa"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [-1, 1]; NaN when chance alone gives full agreement (only one class in truth and prediction)."""
        observed, expected = _agreement(confusion)
        definition = (
            "(p_o - p_e) / (1 - p_e): p_o is pixel accuracy, p_e what the class frequencies of truth and prediction "
            "give by chance. Undefined when p_e is 1."
        )
        return Score(self.name, _quotient(observed - expected, 1 - expected), None, confusion.support, definition)


@frozen
class MatthewsCorrelation:
    """Matthews correlation of many classes: R_K of Gorodkin 2004, "Comparing two K-category assignments", eq. 8."""

    name: ClassVar[str] = "mcc"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [-1, 1]; NaN when truth or prediction holds a single class only."""
        observed, expected = _agreement(confusion)
        true, predicted = _spread(confusion.support), _spread(confusion.predicted)
        definition = (
            "Correlation of the one-hot truth with the one-hot prediction (Gorodkin's R_K). "
            "Undefined when truth or prediction holds one class only."
        )
        value = _quotient(observed - expected, float(np.sqrt(true * predicted)))
        return Score(self.name, value, None, confusion.support, definition)


def _agreement(confusion: Confusion) -> tuple[float, float]:
    """Pixel accuracy, and the accuracy that chance would reach. In shares: products of pixel counts overflow."""
    total = confusion.total
    if not total:
        return float("nan"), float("nan")
    shares = np.stack([confusion.support, confusion.predicted]) / total
    # exactly 1 where both hold the same single class, so that the quotient is undefined and not noise
    return int(confusion.true_positives.sum()) / total, float(shares.prod(axis=0).sum())


def _spread(pixels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    """1 - sum of squared shares: 0 when one class holds all pixels."""
    total = int(pixels.sum())
    return float(1 - ((pixels / total) ** 2).sum()) if total else float("nan")
