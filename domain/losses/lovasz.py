"""Lovasz losses: the convex extension of the Jaccard loss, 1 - IoU, to errors between 0 and 1 and beyond.

Source: Berman et al. 2018, "The Lovasz-Softmax loss", algorithm 1 and equations 8 to 11.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ..errors import InvalidSpecError
from .pixels import Tensor, blank_ignored, class_count, counted_planes, mean_where, probability_planes, truth_planes
from .tensor_ops import AnyOps

_LAST = -1.0
"""Sort key of ignored pixels: errors are never negative, so they come last whatever the shapes."""


def lovasz_extension(ops: AnyOps, errors: Tensor, hits: Tensor, valid: Tensor) -> Tensor:
    """The extension of the Jaccard loss at given errors, for each group and class: (G, K).

    Pixels are sorted by falling error. Each adds its error times the growth of the Jaccard loss when it, too, is taken
    for wrong: 1 / U for a pixel of the class, I / (U (U - 1)) for another, with intersection I and union U after it.
    Written so, no nearly equal numbers are subtracted, as they are in the usual difference of neighbours.

    Args:
        ops: operation table.
        errors: (G, P, K), at least 0 where valid.
        hits: (G, P, K), 1 where the truth is the class, else 0; any value where not valid.
        valid: (G, P, 1) bool.
    """
    errors, order = ops.sort_descending(ops.where(valid, errors, _LAST), axis=1)
    inside = ops.take(hits * ops.cast(valid, hits), order, axis=1)
    others = ops.cast(errors >= 0, errors) - inside
    groups, _, classes = ops.shape(hits)
    total = ops.reshape(ops.sum(inside, 1), (groups, 1, classes))
    shared = total - ops.cumulative_sum(inside, axis=1)
    union = total + ops.cumulative_sum(others, axis=1)
    before = union - others
    # The first pixel beyond an absent class takes the loss from 0 to 1; the class itself has I = U - 1 = 0 there.
    growth = ops.where(before > 0, shared / ops.maximum(union * before, 1.0), 1.0)
    slope = inside / ops.maximum(union, 1.0) + others * growth
    return ops.sum(errors * ops.stop_gradient(slope), 1)


@frozen
class LovaszHinge:
    """The extension of the foreground's Jaccard loss to hinge errors, for one logit.

    Errors are max(0, 1 - z) on foreground and max(0, 1 + z) on background. An image without foreground costs its
    largest error.

    Attributes:
        per_image: mean over images (those with a valid pixel) instead of pooling the batch.
    """

    per_image: bool = True

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``. Raises InvalidSpecError unless there is one logit."""
        if class_count(ops, logits) != 1:
            raise InvalidSpecError(
                f"Loss 'lovasz-hinge' needs a binary task, but there are {class_count(ops, logits)} classes.",
                fix="Use 'lovasz-softmax'.",
            )
        logits = blank_ignored(ops, logits, valid)
        hits = truth_planes(ops, truth, logits)
        errors = ops.maximum(1.0 - logits * (2.0 * hits - 1.0), 0.0)
        return _mean_extension(ops, errors, hits, valid, self.per_image)


@frozen
class LovaszSoftmax:
    """The extension of each counted class's Jaccard loss to errors of probability, mean over those classes.

    Errors are |t - p| with truth t and softmax p (sigmoid for a single logit). Classes as in
    ``pixels.counted_planes``: those in the truth, as "present" in the authors' code.

    Attributes:
        per_image: mean over images (those with a valid pixel) instead of pooling the batch.
    """

    softmax: ClassVar[bool] = True

    per_image: bool = False

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        logits = blank_ignored(ops, logits, valid)
        hits = truth_planes(ops, truth, logits)
        errors = ops.absolute(hits - probability_planes(ops, logits))
        return _mean_extension(ops, errors, hits, valid, self.per_image)


def _mean_extension(ops: AnyOps, errors: Tensor, hits: Tensor, valid: Tensor, per_image: bool) -> Tensor:
    """Over counted classes of each group, then over groups with a valid pixel. A group is an image, or the batch."""
    images, *size, classes = ops.shape(errors)
    pixels = size[0] * size[1]
    groups, length = (images, pixels) if per_image else (1, images * pixels)
    errors, hits = (ops.reshape(planes, (groups, length, classes)) for planes in (errors, hits))
    valid = ops.reshape(valid, (groups, length, 1))
    mask = ops.cast(valid, errors)
    present, pixels_counted = ops.sum(hits * mask, 1), ops.sum(mask, 1)
    counted = counted_planes(ops, present, pixels_counted)
    means = mean_where(ops, lovasz_extension(ops, errors, hits, valid), counted, axis=1)
    return mean_where(ops, means, ops.cast(ops.reshape(pixels_counted, (groups,)) > 0, errors))
