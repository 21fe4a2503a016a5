"""Cross-entropy: of one class among many, and of each class against the rest."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from ..ranges import as_tuple, outside, reject
from .pixels import (
    Tensor,
    blank_ignored,
    class_count,
    log_probabilities,
    mean_where,
    pixel_weights,
    truth_planes,
    weight_problem,
)
from .tensor_ops import AnyOps


@frozen
class CrossEntropy:
    """Softmax cross-entropy, the usual choice for several classes.

    sum_i w[y_i] (-(1 - s) log p_i[y_i]) / sum_i w[y_i] + s / K sum_i sum_k w[k] (-log p_i[k]) / sum_i w[y_i] over the
    valid pixels i, with smoothing s: the weighted mean of torch.nn.functional.cross_entropy. A single logit is read as
    two classes.

    Source of the smoothing: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.

    Attributes:
        class_weights: one for each class (background and foreground for a single logit), or none; only ratios matter.
        label_smoothing: part of the target spread evenly over the classes, in [0, 1).
    """

    softmax: ClassVar[bool] = True

    class_weights: tuple[float, ...] = field(default=(), converter=as_tuple)
    label_smoothing: float = 0.0

    def __attrs_post_init__(self) -> None:
        smoothing = outside("label_smoothing", self.label_smoothing, 0, 1, below=True)
        reject("loss 'cross-entropy'", [weight_problem(self.class_weights), smoothing])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        logs = log_probabilities(ops, blank_ignored(ops, logits, valid))
        weights = pixel_weights(ops, truth, valid, self.class_weights, logits)
        loss = mean_where(ops, -ops.pick(logs, truth), weights)
        if not self.label_smoothing:
            return loss
        return (1 - self.label_smoothing) * loss + self.label_smoothing * self._spread(ops, logs, valid, weights)

    def _spread(self, ops: AnyOps, logs: Tensor, valid: Tensor, weights: Tensor) -> Tensor:
        """The cross-entropy to the even distribution, in torch's weighting."""
        classes = class_count(ops, logs)
        scaled = logs * ops.constant(self.class_weights, logs) if self.class_weights else logs
        total = ops.sum(weights)
        spread = -ops.sum(ops.sum(scaled, -1) * ops.cast(valid, logs)) / classes / ops.where(total > 0, total, 1.0)
        return ops.where(total > 0, spread, 0.0)


@frozen
class BinaryCrossEntropy:
    """Sigmoid cross-entropy of foreground against background; with K logits, of each class against the rest.

    The mean over valid pixels and classes of w t softplus(-z) + (1 - t) softplus(z), which is
    torch.nn.functional.binary_cross_entropy_with_logits.

    Attributes:
        positive_weight: w, what a missed pixel costs in proportion to a false one; above 0.
    """

    positive_weight: float = 1.0

    def __attrs_post_init__(self) -> None:
        reject("loss 'bce'", [outside("positive_weight", self.positive_weight, 0, above=True)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        logits = blank_ignored(ops, logits, valid)
        hits = truth_planes(ops, truth, logits)
        losses = self.positive_weight * hits * ops.softplus(-logits) + (1 - hits) * ops.softplus(logits)
        return mean_where(ops, ops.sum(losses, -1) / class_count(ops, logits), ops.cast(valid, logits))
