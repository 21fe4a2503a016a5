"""Parts of a module that stay as they are while the rest is trained."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from .layers import Norm


class Freezer:
    """Holds tensors of a module: no gradients for them, and norms among them use and keep their running statistics."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._norms: list[Norm] = []

    def hold(self, names: Collection[str]) -> None:
        """These from now on, by canonical name, and no others."""
        for name, parameter in self._module.named_parameters():
            parameter.requires_grad_(name not in names)
        norms = ((name, part) for name, part in self._module.named_modules() if isinstance(part, Norm))
        self._norms = [norm for name, norm in norms if f"{name}.running_mean" in names]
        self.train()

    def train(self) -> None:
        """Training mode for all but the norms that are held."""
        self._module.train()
        for norm in self._norms:
            norm.train(False)
