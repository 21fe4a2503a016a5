"""The domain's optimizer formulas as updates of TensorFlow variables, with their state under canonical names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...domain.ports.backend import StepPlan
from ...domain.training.updates import moved
from .loss import OPS
from .model import Tensor, read
from .runtime import tf


class SlottedOptimizer:
    """The plan's formula over a model's trainable tensors, whose state can be read and set by canonical name.

    All slots start at zero.
    """

    def __init__(self, plan: StepPlan, tensors: Mapping[str, Tensor]) -> None:
        self._plan, self._tensors = plan, dict(tensors)
        self.slots = {
            f"{slot}/{name}": tf.Variable(tf.zeros_like(tensor.variable), trainable=False)
            for slot in plan.optimizer.slots
            for name, tensor in self._tensors.items()
        }

    def update(self, gradients: Mapping[str, tf.Tensor], scalars: tf.Tensor) -> None:
        """One update of the weights that have gradients, and of their slots. To be traced."""
        variables = {name: self._tensors[name].variable for name in gradients}
        weights, slots = moved(self._plan, OPS, variables, self.slots, gradients, scalars, tf.sqrt)
        for name, weight in weights.items():
            variables[name].assign(weight)
        for key, slot in slots.items():
            self.slots[key].assign(slot)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all slots as "<slot>/<weight name>"."""
        return {key: read(self._tensors[key.split("/", 1)[1]], slot) for key, slot in self.slots.items()}

    def restore(self, slots: Mapping[str, NDArray[np.float32]]) -> None:
        """Takes over slots that fit."""
        for key, array in slots.items():
            self.slots[key].assign(self._tensors[key.split("/", 1)[1]].from_canonical(array))
