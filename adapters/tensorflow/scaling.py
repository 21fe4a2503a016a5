"""Loss scaling: keeps small float16 gradients from becoming zero."""

from __future__ import annotations

from collections.abc import Sequence

from .runtime import tf

_FIRST = 2.0**16
_PATIENCE = 2000


class LossScale:
    """A factor on the loss that is halved when a gradient overflows, and doubled after 2000 updates without.

    Updates with an overflow are skipped. Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2,
    with the numbers of torch.amp.GradScaler.
    """

    def __init__(self) -> None:
        self.factor = tf.Variable(_FIRST, trainable=False)
        self.good = tf.Variable(0, trainable=False)

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss to differentiate."""
        return loss * self.factor

    def unscaled(self, gradients: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        """The gradients of the loss itself, and whether all are finite. Moves the factor on."""
        result = [gradient / self.factor for gradient in gradients]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in result])
        good = tf.where(finite, self.good + 1, 0)
        grown = tf.where(good >= _PATIENCE, self.factor * 2, self.factor)
        self.factor.assign(tf.where(finite, grown, self.factor / 2))
        self.good.assign(good % _PATIENCE)
        return result, finite
