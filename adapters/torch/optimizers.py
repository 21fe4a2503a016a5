"""The domain's optimizer formulas as torch's own fused optimizers, with their state under canonical names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...domain.training.optimizers import Adam, AdamW, Optimizer, Sgd, decays
from ...domain.training.tuning import Tuning
from .model import as_array, as_tensor

_STATE = {"momentum": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq"}
"""torch's key for each canonical slot."""


class SlottedOptimizer:
    """A torch optimizer over a module's parameters, whose state can be read and set by canonical name.

    Parameters without a gradient are left out of an update, slots and all; Adam counts the updates of each by itself.
    All slots start at zero. With zero momentum ``Sgd`` keeps no buffer in torch; its slot then reads as zeros.
    """

    def __init__(self, formula: Optimizer, module: nn.Module, tuning: Tuning) -> None:
        self._formula, self._tuning = formula, tuning
        self._parameters = dict(module.named_parameters())
        self.native = _native(formula, self._groups())
        self._fill(dict.fromkeys(self._names()), 0, 0)

    def update(self, rate: float, scaler: torch.amp.GradScaler | None = None) -> None:
        """One update from the parameters' gradients, which are then dropped."""
        for group in self.native.param_groups:
            group["lr"] = rate * group["factor"]
        if scaler is None:
            self.native.step()
        else:
            scaler.step(self.native)
            scaler.update()
        self.native.zero_grad(set_to_none=True)

    def slots(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all slots as "<slot>/<weight name>"."""
        found = {}
        for key in self._names():
            slot, name = key.split("/", 1)
            parameter = self._parameters[name]
            value = self.native.state[parameter].get(_STATE[slot])
            found[key] = as_array(torch.zeros_like(parameter) if value is None else value)
        return found

    def restore(self, slots: Mapping[str, NDArray[np.float32]], step: int, frozen: int) -> None:
        """Takes over slots that fit and the number of updates made, ``frozen`` of them without the tuned part."""
        self._fill(slots, step, frozen)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters by whether they decay and whether they are of the tuned part."""
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self._parameters.items():
            groups.setdefault((decays(name, parameter.shape), self._tuning.covers(name)), []).append(parameter)
        return [
            {
                "params": parameters,
                "weight_decay": self._formula.weight_decay if decayed else 0.0,
                "factor": self._tuning.rate if tuned else 1.0,
            }
            for (decayed, tuned), parameters in groups.items()
        ]

    def _names(self) -> list[str]:
        return [f"{slot}/{name}" for slot in self._formula.slots for name in self._parameters]

    def _fill(self, slots: Mapping[str, NDArray[np.float32] | None], step: int, frozen: int) -> None:
        self.native.zero_grad(set_to_none=True)
        if isinstance(self._formula, Sgd) and not self._formula.momentum:
            return
        for name, parameter in self._parameters.items():
            state = self.native.state[parameter]
            if not isinstance(self._formula, Sgd):
                made = step - frozen if self._tuning.covers(name) else step
                state["step"] = torch.tensor(float(made), device=parameter.device)
        for key, array in slots.items():
            slot, name = key.split("/", 1)
            parameter = self._parameters[name]
            # zeros_like keeps the parameter's memory layout, which the fused kernels rely on.
            value: Tensor = torch.zeros_like(parameter, requires_grad=False)
            self.native.state[parameter][_STATE[slot]] = value if array is None else value.copy_(as_tensor(array))


def _native(formula: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    fused = groups[0]["params"][0].device.type in ("cpu", "cuda")
    match formula:
        case Sgd():
            return torch.optim.SGD(groups, 1.0, formula.momentum, nesterov=formula.nesterov, fused=fused)
        case Adam():
            return torch.optim.Adam(groups, 1.0, (formula.beta1, formula.beta2), formula.epsilon, fused=fused)
        case AdamW():
            return torch.optim.AdamW(groups, 1.0, (formula.beta1, formula.beta2), formula.epsilon, fused=fused)
