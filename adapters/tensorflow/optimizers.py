"""The domain's optimizer formulas as updates of TensorFlow variables, with their state under canonical names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...domain.training.optimizers import Adam, AdamW, Optimizer, Sgd, decays
from ...domain.training.tuning import Tuning
from .model import Tensor, read
from .runtime import tf

_NORM_GUARD = 1e-6  # as in domain.training.optimizers.clip_by_norm


class SlottedOptimizer:
    """A formula over a model's trainable tensors, whose state can be read and set by canonical name.

    All slots start at zero. ``scalars`` is computed on the host for every step, in double precision: 1 - 0.999 has
    but four digits in float32.
    """

    def __init__(self, formula: Optimizer, tensors: Mapping[str, Tensor], tuning: Tuning) -> None:
        self._formula, self._tensors, self._tuning = formula, dict(tensors), tuning
        self._decayed = {name: decays(name, tensor.shape) for name, tensor in self._tensors.items()}
        self.slots = {
            f"{slot}/{name}": tf.Variable(tf.zeros_like(tensor.variable), trainable=False)
            for slot in formula.slots
            for name, tensor in self._tensors.items()
        }

    def scalars(self, rate: float, step: int, frozen: int) -> NDArray[np.float32]:
        """(2, 4) float32, what ``update`` needs of the rate and the update's number, from 1.

        The rate itself, the size of Adam's step, the root of its bias correction, and what AdamW leaves of a weight:
        once for most weights, once for the tuned part, which ``frozen`` of the updates before left as it was.
        """
        return np.stack([self._scalars(rate, step), self._scalars(rate * self._tuning.rate, step - frozen)])

    def _scalars(self, rate: float, step: int) -> NDArray[np.float32]:
        formula = self._formula
        if isinstance(formula, Sgd):
            return np.array([rate, rate, 1, 1], np.float32)
        size, root = rate / (1 - formula.beta1**step), math.sqrt(1 - formula.beta2**step)
        return np.array([rate, size, root, 1 - rate * formula.weight_decay], np.float32)

    def update(self, gradients: Mapping[str, tf.Tensor], scalars: tf.Tensor) -> None:
        """One update of the weights that have gradients, and of their slots. To be traced."""
        for name, gradient in gradients.items():
            own = scalars[int(self._tuning.covers(name))]
            if isinstance(self._formula, Sgd):
                self._sgd(self._formula, name, gradient, own)
            else:
                self._adam(self._formula, name, gradient, own)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all slots as "<slot>/<weight name>"."""
        return {key: read(self._tensors[key.split("/", 1)[1]], slot) for key, slot in self.slots.items()}

    def restore(self, slots: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes over slots that fit."""
        for key, array in slots.items():
            self.slots[key].assign(self._tensors[key.split("/", 1)[1]].from_canonical(array))

    def _sgd(self, formula: Sgd, name: str, gradient: tf.Tensor, scalars: tf.Tensor) -> None:
        weight, momentum = self._tensors[name].variable, self.slots[f"momentum/{name}"]
        gradient = self._with_penalty(name, gradient)
        if formula.momentum:
            new = momentum.assign(formula.momentum * momentum + gradient)
            gradient = gradient + formula.momentum * new if formula.nesterov else new
        weight.assign_sub(scalars[0] * gradient)

    def _adam(self, formula: Adam | AdamW, name: str, gradient: tf.Tensor, scalars: tf.Tensor) -> None:
        weight, m, v = self._tensors[name].variable, self.slots[f"m/{name}"], self.slots[f"v/{name}"]
        start = weight
        if isinstance(formula, Adam):
            gradient = self._with_penalty(name, gradient)
        elif self._decayed[name]:
            start = weight * scalars[3]
        new_m = m.assign(formula.beta1 * m + (1 - formula.beta1) * gradient)
        new_v = v.assign(formula.beta2 * v + (1 - formula.beta2) * gradient * gradient)
        weight.assign(start - scalars[1] * new_m / (tf.sqrt(new_v) / scalars[2] + formula.epsilon))

    def _with_penalty(self, name: str, gradient: tf.Tensor) -> tf.Tensor:
        decay = self._formula.weight_decay
        return gradient + decay * self._tensors[name].variable if decay and self._decayed[name] else gradient


def clip_by_norm(gradients: Sequence[tf.Tensor], limit: float) -> list[tf.Tensor]:
    """All gradients times min(1, limit / (norm + 1e-6)), with their common L2 norm; the domain's formula."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients]))
    factor = tf.minimum(1.0, limit / (norm + _NORM_GUARD))
    return [gradient * factor for gradient in gradients]
