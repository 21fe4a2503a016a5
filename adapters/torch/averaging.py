"""The moving average of a model's weights, as a second model on the same device."""

from __future__ import annotations

import torch

from .model import TorchModel


class Averages:
    """Begins as a copy of ``source`` and follows it. Both keep their tensors, so these are looked up once."""

    def __init__(self, source: TorchModel) -> None:
        self.model = source.copy()
        names = source.spec.graph.weights()
        followers, leaders = self.model.native.state_dict(), source.native.state_dict()
        self._averages, self._weights = [followers[name] for name in names], [leaders[name] for name in names]

    def update(self, share: float) -> None:
        """Moves every average by that share of the way to its weight, after the weights' own update."""
        # What torch.optim.swa_utils averages by as well; that takes no share that changes.
        torch._foreach_lerp_(self._averages, self._weights, share)
