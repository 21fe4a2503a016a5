"""How logits are spread: pixels counted by class and logit, those of the class and the others.

The logit of a probability p is log(p / (1 - p)) (Berkson 1944, "Application of the Logistic Function to Bio-Assay").
Where a class has a sigmoid of its own, this is what the network puts out. The outputs z before a softmax stand for the
same probabilities whatever is added to all of a pixel's, so those of different pixels cannot be counted together; the
logits of the probabilities, z_k - log(sum_{j != k} exp z_j), can. They follow from the probabilities, without a second
pass of the model.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import IGNORE, Labels, Planes, Probabilities
from ..errors import DataError

LIMIT = 16.0
"""Bins reach from -LIMIT to LIMIT, where float32 still tells p from 1; the outermost hold all beyond."""
BINS = 64
OTHERS, OWN = 0, 1
_AT_ONCE = 1 << 16  # logits: few enough for the processor's cache
_SLACK = 1e-5  # a framework's softmax may leave [0, 1] by a rounding error


def logits_of(probabilities: Probabilities, *, planes: bool = False) -> NDArray[np.float32]:
    """(..., K) logits of (..., K) probabilities, which sum to 1 unless they are of ``planes``; infinite at 0 and 1.

    Where it can, 1 - p is summed up from the other classes: next to 1, the difference would be nothing but rounding.
    """
    classes = probabilities.shape[-1]
    others = np.maximum(1 - probabilities, 0) if planes else probabilities @ (1 - np.eye(classes, dtype=np.float32))
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.log(probabilities / others), np.float32)


@frozen(eq=False)
class LogitCounts:
    """Exact integer counts over some pixels. A monoid: ``zero`` and ``+``.

    Attributes:
        counts: (K, B, 2) int64: pixels by class, bin of the class's logit, and OTHERS or OWN: whether the truth is that
            class. Every pixel that counts is counted once for each class.
    """

    counts: NDArray[np.int64]

    @classmethod
    def zero(cls, classes: int, bins: int = BINS) -> LogitCounts:
        """Of no pixel."""
        return cls(np.zeros((classes, bins, 2), np.int64))

    @classmethod
    def of(cls, truth: Labels | Planes, probabilities: Probabilities, bins: int = BINS) -> LogitCounts:
        """Counts one image; pixels whose truth is IGNORE count nowhere.

        Args:
            truth: (H, W) class indices, or (H, W, K) planes.
            probabilities: (H, W, K).
            bins: between -LIMIT and LIMIT, all of one width.

        Raises DataError when shapes differ, or a value is no probability.
        """
        if truth.shape != probabilities.shape[: truth.ndim]:
            raise DataError(f"Truth of {truth.shape} and probabilities of {probabilities.shape} do not fit together.")
        if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1 + _SLACK):
            raise DataError(
                f"Probabilities are between 0 and 1; found {probabilities.min()} to {probabilities.max()}.",
                fix="A model with weights that are not finite gives such values: evaluate another checkpoint.",
            )
        rows = max(1, _AT_ONCE // max(1, int(np.prod(probabilities.shape[1:]))))
        blocks = (slice(first, first + rows) for first in range(0, len(truth), rows))
        zero = cls.zero(probabilities.shape[-1], bins)
        return sum((cls(_counts(truth[block], probabilities[block], bins)) for block in blocks), zero)

    def __add__(self, other: LogitCounts) -> LogitCounts:
        return LogitCounts(self.counts + other.counts)

    @property
    def edges(self) -> NDArray[np.float64]:
        """(B + 1,) of the bins; bin b holds [edges[b], edges[b + 1])."""
        return np.linspace(-LIMIT, LIMIT, self.counts.shape[1] + 1)


def _counts(truth: Labels | Planes, probabilities: Probabilities, bins: int) -> NDArray[np.int64]:
    planes, classes = truth.ndim == 3, probabilities.shape[-1]
    places = (logits_of(probabilities, planes=planes) + np.float32(LIMIT)) * np.float32(bins / (2 * LIMIT))
    cells = np.clip(places, 0, bins - 1).astype(np.intp)
    cells += bins * np.arange(classes)
    cells[truth == IGNORE] = bins * classes
    own = cells[truth == 1] if planes else _picked(cells, truth)
    found, inside = (np.bincount(some.ravel(), minlength=bins * classes + 1)[:-1] for some in (cells, own))
    return np.stack([found - inside, inside], axis=-1).reshape(classes, bins, 2).astype(np.int64)


def _picked(cells: NDArray[np.intp], truth: Labels) -> NDArray[np.intp]:
    """(H, W, 1): that of each pixel's class; where it is IGNORE, all are the same."""
    classes = np.where(truth == IGNORE, 0, truth).astype(np.intp)
    return np.take_along_axis(cells, classes[..., np.newaxis], axis=-1)
