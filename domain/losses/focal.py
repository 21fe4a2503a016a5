"""Focal loss."""

from __future__ import annotations

from attrs import field, frozen

from ..ranges import as_tuple, outside, reject
from .pixels import Tensor, blank_ignored, log_probabilities, mean_where, pixel_weights, weight_problem
from .tensor_ops import AnyOps

_LEAST_DOUBT = 1e-6


@frozen
class Focal:
    """Cross-entropy that turns away from pixels already right, for rare or hard classes.

    The weighted mean over valid pixels of -(1 - p_t)^gamma log p_t, with p_t the probability of the true class.
    gamma = 0 is cross-entropy.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5; its alpha is a pair of class weights.
    The mean over pixels replaces the paper's sum over boxes divided by the boxes that hold an object.

    Attributes:
        gamma: how strongly easy pixels are turned away from, at least 0.
        class_weights: one for each class (background and foreground for a single logit), or none; only ratios matter.
    """

    gamma: float = 2.0
    class_weights: tuple[float, ...] = field(default=(), converter=as_tuple)

    def __attrs_post_init__(self) -> None:
        reject("loss 'focal'", [outside("gamma", self.gamma, 0), weight_problem(self.class_weights)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        logs = ops.pick(log_probabilities(ops, blank_ignored(ops, logits, valid)), truth)
        # Kept off 0, where a power below 1 has no finite slope.
        doubt = ops.maximum(1.0 - ops.exp(logs), _LEAST_DOUBT)
        weights = pixel_weights(ops, truth, valid, self.class_weights, logits)
        return mean_where(ops, -(doubt**self.gamma) * logs, weights)
