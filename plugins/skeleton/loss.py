"""A loss: one formula, which every framework runs and differentiates by its own means."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...domain.losses.pixels import blank_ignored, mean_where, probability_planes, truth_planes
from ...domain.losses.tensor_ops import TensorOps


@frozen
class ExampleLoss:
    """The error of the probabilities, |p - t| to some power, mean over the pixels that count.

    Attributes:
        power: 2 is the Brier score; at least 1.
    """

    power: float = 2.0

    def __call__(self, ops: TensorOps[Any], logits: Any, truth: Any, valid: Any) -> Any:
        """The loss of (N, H, W, K) logits, as a scalar. ``ops`` holds all that may be used beside + - * / **."""
        logits = blank_ignored(ops, logits, valid)
        errors = ops.absolute(probability_planes(ops, logits) - truth_planes(ops, truth, logits))
        return mean_where(ops, ops.sum(errors**self.power, -1), ops.cast(valid, logits))
