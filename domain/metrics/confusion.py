"""The confusion matrix: all that is counted. It adds up over images, so every metric is computed once, at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import field, frozen
from attrs.validators import instance_of
from numpy.typing import ArrayLike, NDArray

from ..arrays import Counts
from ..errors import DataError, InvalidSpecError
from .counting import count_pairs


def _counts(values: ArrayLike) -> Counts:
    return np.asarray(values, dtype=np.int64)


@frozen(eq=False)
class Confusion:
    """Pixels by (true class, predicted class): ``counts`` is (K, K) int64, row = truth, column = prediction.

    A commutative monoid: ``zero(K)`` is neutral and ``+`` adds counts, so a data set's matrix is a sum.
    """

    counts: Counts = field(converter=_counts, validator=instance_of(np.ndarray))

    def __attrs_post_init__(self) -> None:
        shape = self.counts.shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 1:
            raise InvalidSpecError(f"A confusion matrix is square, (K, K); this one has shape {shape}.")

    @classmethod
    def zero(cls, classes: int) -> Confusion:
        """Nothing counted yet."""
        return cls(np.zeros((classes, classes), np.int64))

    @classmethod
    def of(cls, truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> Confusion:
        """Counts two label maps of one shape. Pixels whose truth is ``IGNORE`` count nowhere, whatever is predicted.

        Raises DataError when shapes differ, or a counted pixel holds anything but a class in [0, classes).
        """
        return cls(count_pairs(truth, prediction, classes))

    @classmethod
    def sum(cls, parts: Iterable[Confusion], classes: int) -> Confusion:
        """The total of any number of matrices, ``zero`` for none."""
        total = cls.zero(classes)
        for part in parts:
            total = total + part
        return total

    def __add__(self, other: Confusion) -> Confusion:
        if self.counts.shape != other.counts.shape:
            raise DataError(
                f"Confusion matrices of {self.classes} and {other.classes} classes cannot be added.",
                fix="Count both with the same class map.",
            )
        return type(self)(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Confusion) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # equal by content, and the content is an array

    @property
    def classes(self) -> int:
        """K."""
        return len(self.counts)

    @property
    def total(self) -> int:
        """Counted pixels; of planes, counted in each."""
        return int(self.counts.sum())

    @property
    def support(self) -> NDArray[np.int64]:
        """(K,) pixels of each class in the truth."""
        return np.asarray(self.counts.sum(axis=1), np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(K,) pixels of each class in the prediction."""
        return np.asarray(self.counts.sum(axis=0), np.int64)

    @property
    def true_positives(self) -> NDArray[np.int64]:
        """(K,) pixels of each class that are predicted as that class."""
        return np.diagonal(self.counts).copy()

    @property
    def false_positives(self) -> NDArray[np.int64]:
        """(K,) pixels predicted as each class that are another."""
        return self.predicted - self.true_positives

    @property
    def false_negatives(self) -> NDArray[np.int64]:
        """(K,) pixels of each class that are predicted as another."""
        return self.support - self.true_positives

    @property
    def true_negatives(self) -> NDArray[np.int64]:
        """(K,) pixels that neither are a class nor are predicted as it."""
        return self.total - self.support - self.predicted + self.true_positives


def per_image(
    truths: Sequence[NDArray[np.integer]], predictions: Sequence[NDArray[np.integer]], classes: int
) -> list[Confusion]:
    """One matrix for each pair of label maps, in order."""
    pairs = zip(truths, predictions, strict=True)
    return [Confusion.of(truth, prediction, classes) for truth, prediction in pairs]
