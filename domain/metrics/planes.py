"""Counting planes: classes that may overlap, each a question of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import Counts
from ..errors import DataError, InvalidSpecError
from .confusion import Confusion
from .counting import count_pairs


@frozen(eq=False)
class PlaneConfusion(Confusion):
    """Pixels of each class by (truth, prediction): ``counts`` is (K, 2, 2) int64, 0 = outside the class, 1 = inside.

    A commutative monoid as ``Confusion``, and read by the same metrics: those that ask each class for its own outcomes.
    """

    def __attrs_post_init__(self) -> None:
        shape = self.counts.shape
        if len(shape) != 3 or shape[1:] != (2, 2) or shape[0] < 1:
            raise InvalidSpecError(f"Counts of planes are two by two for each class, (K, 2, 2), not {shape}.")

    @classmethod
    def zero(cls, classes: int) -> PlaneConfusion:
        """Nothing counted yet."""
        return cls(np.zeros((classes, 2, 2), np.int64))

    @classmethod
    def of(cls, truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> PlaneConfusion:
        """Counts two (..., K) stacks of planes. A pixel that is ``IGNORE`` in a plane of the truth counts not there.

        Raises DataError when shapes differ or are not of that many planes, or a counted pixel is neither 0 nor 1.
        """
        if truth.shape != prediction.shape or truth.shape[-1] != classes:
            raise DataError(
                f"Truth has shape {truth.shape} and prediction {prediction.shape}: expected {classes} planes of each.",
                fix="Compare planes of the same classes, at the size of the truth.",
            )
        return cls(np.stack([count_pairs(truth[..., k], prediction[..., k], 2) for k in range(classes)]))

    @property
    def support(self) -> NDArray[np.int64]:
        """(K,) pixels of each class in the truth."""
        return np.asarray(self.counts[:, 1].sum(axis=-1), np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(K,) pixels of each class in the prediction."""
        return np.asarray(self.counts[:, :, 1].sum(axis=-1), np.int64)

    @property
    def true_positives(self) -> NDArray[np.int64]:
        """(K,) pixels of each class that are predicted as that class."""
        return self.counts[:, 1, 1].copy()

    @property
    def true_negatives(self) -> NDArray[np.int64]:
        """(K,) pixels that neither are a class nor are predicted as it."""
        return self.counts[:, 0, 0].copy()


def kind_of(images: Sequence[Counts] | Counts) -> type[Confusion]:
    """What reads the images' matrices: ``PlaneConfusion`` for those of planes, else ``Confusion``."""
    return PlaneConfusion if len(images) and np.ndim(images[0]) == 3 else Confusion


def count(truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> Confusion:
    """Counts one image: two (H, W) label maps, or two (H, W, K) stacks of planes. Raises DataError as they do."""
    return (PlaneConfusion if truth.ndim == 3 else Confusion).of(truth, prediction, classes)
