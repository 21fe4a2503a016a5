"""Sums of losses."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from ..errors import InvalidSpecError
from ..ports.loss import Loss
from ..ranges import as_tuple, outside, reject
from .crossentropy import BinaryCrossEntropy, CrossEntropy
from .pixels import Tensor, weight_problem
from .regional import Dice, tversky_loss
from .tensor_ops import AnyOps


@frozen
class WeightedSum:
    """Any losses, each times its weight: sum_i weights[i] losses[i].

    Attributes:
        losses: at least one.
        weights: one for each loss, above 0.
    """

    losses: tuple[Loss, ...]
    weights: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if not self.losses or len(self.losses) != len(self.weights):
            raise InvalidSpecError(f"A sum of {len(self.losses)} losses cannot have weights {self.weights!r}.")
        reject("a sum of losses", [outside(f"weight {i}", w, 0, above=True) for i, w in enumerate(self.weights)])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        terms = [w * loss(ops, logits, truth, valid) for w, loss in zip(self.weights, self.losses, strict=True)]
        return sum(terms[1:], terms[0])


@frozen
class BceDice:
    """Binary cross-entropy plus soft Dice, for one class against the background.

    bce_weight BCE + dice_weight Dice; with K logits both read each class against the rest, through a sigmoid.

    Source: the weights are those of Zhou et al. 2018, "UNet++", equation 3.

    Attributes:
        bce_weight: above 0.
        dice_weight: above 0.
        positive_weight: of the cross-entropy, see ``BinaryCrossEntropy``.
        smooth: of Dice, in pixels.
    """

    bce_weight: float = 0.5
    dice_weight: float = 1.0
    positive_weight: float = 1.0
    smooth: float = 1.0

    def __attrs_post_init__(self) -> None:
        names = ("bce_weight", "dice_weight", "positive_weight", "smooth")
        reject("loss 'bce-dice'", [outside(name, getattr(self, name), 0, above=True) for name in names])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        bce = BinaryCrossEntropy(self.positive_weight)(ops, logits, truth, valid)
        half = self.smooth / 2
        dice = tversky_loss(ops, logits, truth, valid, alpha=0.5, beta=0.5, smooth=half, sigmoid=True)
        return self.bce_weight * bce + self.dice_weight * dice


@frozen
class CeDice:
    """Cross-entropy plus soft Dice, a strong default for several classes.

    ce_weight CE + dice_weight Dice, over a softmax.

    Source: Isensee et al. 2021, "nnU-Net", online methods, which weighs both the same.

    Attributes:
        ce_weight: above 0.
        dice_weight: above 0.
        class_weights: of the cross-entropy, see ``CrossEntropy``.
        label_smoothing: of the cross-entropy, in [0, 1).
        smooth: of Dice, in pixels.
    """

    softmax: ClassVar[bool] = True

    ce_weight: float = 1.0
    dice_weight: float = 1.0
    class_weights: tuple[float, ...] = field(default=(), converter=as_tuple)
    label_smoothing: float = 0.0
    smooth: float = 1.0

    def __attrs_post_init__(self) -> None:
        names = ("ce_weight", "dice_weight", "smooth")
        problems = [outside(name, getattr(self, name), 0, above=True) for name in names]
        smoothing = outside("label_smoothing", self.label_smoothing, 0, 1, below=True)
        reject("loss 'ce-dice'", [*problems, weight_problem(self.class_weights), smoothing])

    def __call__(self, ops: AnyOps, logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """The loss; arguments as in ``ports.loss.Loss``."""
        cross_entropy = CrossEntropy(self.class_weights, self.label_smoothing)(ops, logits, truth, valid)
        return self.ce_weight * cross_entropy + self.dice_weight * Dice(self.smooth)(ops, logits, truth, valid)
