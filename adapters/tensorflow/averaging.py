"""The moving average of a model's weights, as a second model on the same device."""

from __future__ import annotations

from .model import TensorflowModel
from .runtime import tf


class Averages:
    """Begins as a copy of ``source`` and follows it."""

    def __init__(self, source: TensorflowModel) -> None:
        self.model = source.copy()
        self._pairs = [(self.model.tensors[name].variable, tensor.variable) for name, tensor in source.tensors.items()]

    def update(self, share: tf.Tensor) -> None:
        """Moves every average by that share of the way to its weight, after the weights' own update. To be traced."""
        for average, weight in self._pairs:
            average.assign_add(share * (weight - average))
