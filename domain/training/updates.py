"""How far a training session has come: what every backend counts on the host, and what its next step needs of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..losses.tensor_ops import AnyOps
from ..ports.backend import StepPlan, TrainState
from .optimizers import NORM_GUARD


class Updates:
    """Counts batches and the updates they make.

    Attributes:
        made: updates so far.
        frozen_made: how many of them left the plan's tuned part as it was.
        pending: batches whose gradients wait for the update that they are part of.
        frozen: whether the next updates leave the tuned part as it is.
    """

    def __init__(self, plan: StepPlan) -> None:
        self._plan = plan
        self.made = self.frozen_made = self.pending = 0
        self.frozen = False

    @property
    def complete(self) -> bool:
        """Whether the next batch makes an update."""
        return self.pending + 1 == self._plan.accumulate

    def scalars(self, rate: float) -> NDArray[np.float32]:
        """(2, n): the optimizer's scalars for the next update, of most weights and of the tuned part."""
        optimizer, step = self._plan.optimizer, self.made + 1
        tuned = optimizer.scalars(step - self.frozen_made, rate * self._plan.tuning.rate)
        return np.stack([optimizer.scalars(step, rate), tuned])

    def share(self) -> np.float32:
        """How much of the way to the weights the averages go with the next update; 0 where the plan has none."""
        return np.float32(self._plan.averaging.share(self.made + 1) if self._plan.averaging else 0)

    def entropy(self) -> np.random.SeedSequence:
        """Of the next batch's dropout, which depends on the seed and the step alone."""
        return np.random.SeedSequence((self._plan.seed, self.made, self.pending))

    def count(self) -> None:
        """One more batch is done, and the update that it completes."""
        complete = self.complete
        self.made += complete
        self.frozen_made += complete and self.frozen
        self.pending = 0 if complete else self.pending + 1

    def restore(self, state: TrainState) -> None:
        """Goes back to a state; what is pending is dropped."""
        self.made, self.frozen_made, self.pending = state.step, state.frozen, 0


def moved(
    plan: StepPlan,
    ops: AnyOps,
    weights: Mapping[str, Any],
    slots: Mapping[str, Any],
    gradients: Mapping[str, Any],
    scalars: Any,
    sqrt: Callable[[Any], Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights by name and slots as "<slot>/<weight name>", after the plan's update of all that have a gradient.

    Gradients are scaled down to the plan's norm first. All on arrays of a backend, with its operation table, so it can
    be traced; ``scalars`` are those of ``Updates`` as an array, and ``sqrt`` is the framework's own.
    """
    new_weights, new_slots = {}, {}
    for name, gradient in _clipped(ops, gradients, plan.clip_norm).items():
        own = {slot: slots[f"{slot}/{name}"] for slot in plan.optimizer.slots}
        row = scalars[int(plan.tuning.covers(name))]
        new_weights[name], own = plan.optimizer.moved(weights[name], gradient, own, row, name=name, sqrt=sqrt)
        new_slots.update({f"{slot}/{name}": array for slot, array in own.items()})
    return new_weights, new_slots


def _clipped(ops: AnyOps, gradients: Mapping[str, Any], limit: float | None) -> Mapping[str, Any]:
    """``optimizers.clip_by_norm`` on a backend's arrays."""
    if limit is None:
        return gradients
    norm = sum(ops.sum(gradient * gradient) for gradient in gradients.values()) ** 0.5
    factor = ops.minimum(limit / (norm + NORM_GUARD), 1.0)
    return {name: gradient * factor for name, gradient in gradients.items()}
