"""Losses of overlapping regions: Dice, Jaccard, Tversky.

Pixels of the whole batch are pooled for each class: with hits TP = sum p t, false alarms FP = sum p (1 - t) and misses
FN = sum (1 - p) t over valid pixels, probabilities p and truth t. The loss is the mean over counted classes
(``pixels.counted_planes``) of 1 - index.
"""

from __future__ import annotations

from attrs import frozen

from ..ranges import outside, reject
from .pixels import Tensor, blank_ignored, counted_planes, mean_where, plane_mask, probability_planes, truth_planes
from .tensor_ops import AnyOps


def tversky_loss(
    ops: AnyOps,
    logits: Tensor,
    truth: Tensor,
    valid: Tensor,
    *,
    alpha: float,
    beta: float,
    smooth: float,
    sigmoid: bool = False,
) -> Tensor:
    """Mean over counted classes of 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth).

    Args:
        ops: operation table.
        logits: (N, H, W, K).
        truth: (N, H, W) integer classes.
        valid: (N, H, W) bool.
        alpha: what a false alarm costs.
        beta: what a miss costs.
        smooth: pixels added above and below.
        sigmoid: read K > 1 logits as K questions of one class against the rest.
    """
    mask = plane_mask(ops, valid, logits)
    logits = blank_ignored(ops, logits, valid)
    shares = probability_planes(ops, logits, sigmoid=sigmoid) * mask
    hits = truth_planes(ops, truth, logits) * mask
    found, claimed, present = (ops.sum(planes, (0, 1, 2)) for planes in (shares * hits, shares, hits))
    cost = alpha * (claimed - found) + beta * (present - found)
    counted = counted_planes(ops, present, ops.sum(mask, (0, 1, 2)), sigmoid=sigmoid)
    return mean_where(ops, cost / (found + cost + smooth), counted)


@frozen
class Dice:
    """Soft Dice loss, 1 - 2 |P and T| / (|P| + |T|), robust to rare classes.

    1 - (2 TP + smooth) / (2 TP + FP + FN + smooth), pooled over the batch, mean over counted classes.

    Source: Milletari et al. 2016, "V-Net", equation 2, with plain sums below instead of squares.

    Attributes:
        smooth: pixels added above and below, above 0; it lets a batch without foreground punish false alarms.
    """

    smooth: float = 1.0

    def __attrs_post_init__(self) -> None:
        reject("loss 'dice'", [outside("smooth", self.smooth, 0, above=True)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        return tversky_loss(ops, logits, truth, valid, alpha=0.5, beta=0.5, smooth=self.smooth / 2)


@frozen
class Jaccard:
    """Soft Jaccard loss, 1 - |P and T| / |P or T|: the IoU itself, made smooth.

    1 - (TP + smooth) / (TP + FP + FN + smooth), pooled over the batch, mean over counted classes.

    Source: Rahman and Wang 2016, "Optimizing Intersection-Over-Union in Deep Neural Networks", equation 3.

    Attributes:
        smooth: pixels added above and below, above 0.
    """

    smooth: float = 1.0

    def __attrs_post_init__(self) -> None:
        reject("loss 'jaccard'", [outside("smooth", self.smooth, 0, above=True)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        return tversky_loss(ops, logits, truth, valid, alpha=1.0, beta=1.0, smooth=self.smooth)


@frozen
class Tversky:
    """Dice with a price for false alarms (alpha) and one for misses (beta).

    1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth), pooled over the batch, mean over counted classes.
    alpha = beta = 0.5 is Dice (with half its smooth), 1 and 1 is Jaccard.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully convolutional deep
    networks", equation 3.

    Attributes:
        alpha: what a false alarm costs, at least 0.
        beta: what a miss costs, above 0.
        smooth: pixels added above and below, above 0.
    """

    alpha: float = 0.3
    beta: float = 0.7
    smooth: float = 1.0

    def __attrs_post_init__(self) -> None:
        alpha, beta = outside("alpha", self.alpha, 0), outside("beta", self.beta, 0, above=True)
        reject("loss 'tversky'", [alpha, beta, outside("smooth", self.smooth, 0, above=True)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        return tversky_loss(ops, logits, truth, valid, alpha=self.alpha, beta=self.beta, smooth=self.smooth)
