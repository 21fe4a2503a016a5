"""How far the logits of one model on two backends lie apart, and which pixels that decides differently."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import Labels, Logits

TIE = 1e-4
"""A pixel is a tie when its decision hangs on less than this share of the largest logit."""


@frozen
class Difference:
    """What two backends make of the same pixels. Adds up over images; NaN logits make every size NaN.

    Attributes:
        largest: largest difference of two logits.
        scale: largest logit of the first backend, without its sign.
        pixels: pixels compared.
        differing: pixels that go to another class.
        ties: those of them that the first backend all but gave to two classes.
    """

    largest: float = 0.0
    scale: float = 0.0
    pixels: int = 0
    differing: int = 0
    ties: int = 0

    @classmethod
    def of(cls, first: Logits, other: Logits, *, planes: bool = False) -> Difference:
        """Of (..., K) logits of one shape; K = 1 is binary. Of ``planes``, each class's decision is a pixel's."""
        if planes:
            first, other = first[..., np.newaxis], other[..., np.newaxis]
        scale = float(np.abs(first).max(initial=0))
        decided = decisions(first)
        differing = decided != decisions(other)
        return cls(
            largest=float(np.abs(first - other).max(initial=0)),
            scale=scale,
            pixels=decided.size,
            differing=int(differing.sum()),
            ties=int((_lead(first[differing]) <= TIE * scale).sum()),
        )

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            largest=float(np.maximum(self.largest, other.largest)),  # unlike max(), keeps NaN
            scale=float(np.maximum(self.scale, other.scale)),
            pixels=self.pixels + other.pixels,
            differing=self.differing + other.differing,
            ties=self.ties + other.ties,
        )

    @property
    def relative(self) -> float:
        """``largest`` as a share of ``scale``; 0 where all logits are 0."""
        return self.largest / self.scale if self.scale else self.largest

    @property
    def share(self) -> float:
        """Of the pixels, those that go to another class; NaN without pixels."""
        return self.differing / self.pixels if self.pixels else float("nan")


def decisions(logits: Logits, *, planes: bool = False) -> Labels:
    """(...,) uint8 classes of (..., K) logits: argmax, ties to the lowest index; for K = 1, logit > 0.

    Of ``planes`` (..., K) uint8, 1 where logit > 0.
    """
    if planes:
        return (logits > 0).astype(np.uint8)
    chosen = logits[..., 0] > 0 if logits.shape[-1] == 1 else logits.argmax(axis=-1)
    return chosen.astype(np.uint8)


def _lead(logits: Logits) -> NDArray[np.float32]:
    """(n,) by how much each of (n, K) pixels was decided."""
    if logits.shape[-1] == 1:
        return np.abs(logits[:, 0])
    top = np.partition(logits, -2, axis=-1)
    lead: NDArray[np.float32] = top[:, -1] - top[:, -2]
    return lead
