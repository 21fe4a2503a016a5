"""The training step and its state."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from segport.domain.ports.backend import StepPlan, StepTally, TrainState
from segport.domain.refusals import check_plan, check_state
from segport.domain.training.updates import Updates, moved

from .evaluate import confusions, loss_of
from .loss import OPS
from .model import Arrays, Fed, JaxModel


class State(NamedTuple):
    """What a step changes. ``sums`` are pending gradients, where several batches make an update."""

    weights: Arrays
    slots: Arrays
    sums: Arrays
    averages: Arrays


class JaxTrainSession:
    """Updates a model. The whole step is one function, compiled once for a size of batch; ``drain`` alone waits."""

    def __init__(self, model: JaxModel, plan: StepPlan) -> None:
        check_plan(model.spec.graph, plan)
        self.feed, self._model, self._plan, self._graph = model.feed, model, plan, model.spec.graph
        zeros = {n: jnp.zeros_like(model.arrays[n]) for n, weight in self._graph.weights().items() if weight.trainable}
        self._slots = {f"{slot}/{name}": zero for slot in plan.optimizer.slots for name, zero in zeros.items()}
        self._trainable, self._zeros = list(zeros), zeros if plan.accumulate > 1 else {}
        self.result = copy(model) if plan.averaging else model
        self._updates = Updates(plan)
        self.compiled_step = jax.jit(self._traced, static_argnames=("frozen", "complete"))
        self._tallies: list[tuple[Array, Array]] = []
        self._sums = self._zeros

    def step(self, batch: Fed, rate: float) -> None:
        """See the port. Numbers that change come in as arrays, so that nothing is traced again."""
        now, averages = self._updates, self.result.arrays if self._plan.averaging else {}
        state = State(self._model.arrays, self._slots, self._sums, averages)
        given = (now.scalars(rate), now.share(), now.entropy().generate_state(2))
        state, tally = self.compiled_step(state, batch, *given, frozen=now.frozen, complete=now.complete)
        self._model.arrays, self._slots, self._sums, averages = state
        if self._plan.averaging:
            self.result.arrays = averages
        self._tallies.append(tally)
        now.count()

    def freeze(self, frozen: bool) -> None:
        """See the port."""
        self._updates.frozen = frozen

    def drain(self) -> StepTally:
        """See the port. Counts are summed here, as JAX has no 64-bit integers unless asked."""
        losses, counts = zip(*jax.device_get(self._tallies), strict=True) if self._tallies else ((), ())
        self._tallies = []
        shape = self._model.spec.task.matrix(len(self._model.spec.classes))
        return StepTally(np.array(losses, np.float64), sum(counts, np.zeros(shape, np.int64)))

    def snapshot(self) -> TrainState:
        """See the port."""
        slots = {key: np.array(slot) for key, slot in self._slots.items()}
        averages = self.result.weights() if self._plan.averaging else {}
        return TrainState(self._model.weights(), slots, self._updates.made, self._updates.frozen_made, averages)

    def restore(self, state: TrainState) -> None:
        """See the port. What is pending is dropped."""
        check_state(self._graph, self._plan, state)
        self._model.load(state.weights)
        self._slots = {key: self._model.put(slot.copy()) for key, slot in state.slots.items()}
        if self._plan.averaging:
            self.result.load(state.averages)
        self._updates.restore(state)
        self.close()

    def close(self) -> None:
        """Drops tallies and pending gradients. Closing twice does no harm."""
        self._tallies, self._sums, self._updates.pending = [], self._zeros, 0

    def _traced(
        self, state: State, batch: Fed, scalars: Array, share: Array, key: Array, *, frozen: bool, complete: bool
    ) -> tuple[State, tuple[Array, Array]]:
        """Forward, backward, counting and, when ``complete``, the update. Gives loss and counts."""
        plan, spec, (images, labels) = self._plan, self._model.spec, batch
        held = plan.tuning.held(self._graph, frozen=frozen)

        def loss(free: Arrays) -> tuple[Array, tuple[Array, Arrays]]:
            drop = jax.random.wrap_key_data(key)
            outputs, statistics = self._model.native(state.weights | free, images, held=held, key=drop)
            return loss_of(plan, outputs, labels), (outputs[0], statistics)

        free = {name: state.weights[name] for name in self._trainable if name not in held}
        (value, (logits, statistics)), gradients = jax.value_and_grad(loss, has_aux=True)(free)
        counts = confusions(logits, labels, spec.task, len(spec.classes)).sum(0)
        state = state._replace(weights=state.weights | statistics)
        if state.sums:
            gradients = {name: state.sums[name] + part / plan.accumulate for name, part in gradients.items()}
            state = state._replace(sums=self._zeros if complete else state.sums | gradients)
        return self._updated(state, gradients, scalars, share) if complete else state, (value, counts)

    def _updated(self, state: State, gradients: Arrays, scalars: Array, share: Array) -> State:
        weights, slots = moved(self._plan, OPS, state.weights, state.slots, gradients, scalars, jnp.sqrt)
        weights, slots = state.weights | weights, state.slots | slots
        averages = {name: old + share * (weights[name] - old) for name, old in state.averages.items()}
        return state._replace(weights=weights, slots=slots, averages=averages)
