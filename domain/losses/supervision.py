"""Deep supervision: one loss on several outputs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InvalidSpecError
from .pixels import Tensor
from .tensor_ops import AnyOps

if TYPE_CHECKING:  # the port itself imports this package
    from ..ports.loss import Loss


def supervised(
    loss: Loss, ops: AnyOps, outputs: Sequence[Tensor], weights: Sequence[float], truth: Tensor, valid: Tensor
) -> Tensor:
    """The weighted sum of a loss over outputs: sum_i weights[i] loss(outputs[i]).

    Args:
        loss: any formula, see ``ports.loss.Loss``.
        ops: operation table.
        outputs: logits of (N, H, W, K), every one at the size of the truth, main one first.
        weights: one for each output; those that are 0 are not computed.
        truth: (N, H, W) integer classes.
        valid: (N, H, W) bool.

    Raises:
        InvalidSpecError: the numbers of outputs and weights differ, or no weight is above 0.
    """
    if len(outputs) != len(weights) or not any(weights) or min(weights) < 0:
        raise InvalidSpecError(
            f"{len(outputs)} outputs cannot be supervised with weights {tuple(weights)}.",
            fix="Give one weight of at least 0 for each output, one of them above 0.",
        )
    pairs = [(output, weight) for output, weight in zip(outputs, weights, strict=True) if weight]
    terms = [weight * loss(ops, output, truth, valid) for output, weight in pairs]
    return sum(terms[1:], terms[0])
