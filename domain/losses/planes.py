"""Losses of classes that may overlap: every class is a question of its own."""

from __future__ import annotations

from attrs import field, frozen

from ..errors import InvalidSpecError
from ..ports.loss import Loss
from ..ranges import as_tuple, reject
from .pixels import Tensor, class_count, weight_problem
from .tensor_ops import AnyOps


@frozen
class PerPlane:
    """A binary loss on each plane: sum_k w[k] loss(z[k], t[k]) / sum_k w[k].

    Each class's logit is judged as a binary task's only one, so a formula means the same in both, and one plane is a
    binary task. A pixel that does not count in one plane may in others.

    Attributes:
        loss: any formula, see ``ports.loss.Loss``.
        class_weights: w, one for each class, or none; only ratios matter.
    """

    loss: Loss
    class_weights: tuple[float, ...] = field(default=(), converter=as_tuple)

    def __attrs_post_init__(self) -> None:
        reject("the loss of planes", [weight_problem(self.class_weights)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``, truth and valid of (N, H, W, K).

        Raises:
            InvalidSpecError: the number of weights is not the number of classes.
        """
        classes = class_count(ops, logits)
        weights = self.class_weights or (1.0,) * classes
        if len(weights) != classes:
            raise InvalidSpecError(
                f"class_weights has {len(weights)} values, but the task has {classes} classes.",
                fix="Give one weight for each class, in the order of the class table.",
            )
        planes = zip(weights, ops.unstack(logits), ops.unstack(truth), ops.unstack(valid), strict=True)
        total = sum(weights)
        terms = [
            weight / total * self.loss(ops, ops.reshape(plane, (*ops.shape(plane), 1)), hits, counted)
            for weight, plane, hits, counted in planes
            if weight
        ]
        return sum(terms[1:], terms[0])
