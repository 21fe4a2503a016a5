"""The training step and its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from segport.domain.ports.backend import StepPlan, StepTally, TrainState
from segport.domain.refusals import check_plan, check_state
from segport.domain.samples import Batch

from .evaluate import Fed, confusions, feed, loss_of
from .model import Arrays, JaxModel, norms
from .optimizers import clipped, scalars, updated


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
        self._model, self._plan, self._graph = model, plan, model.spec.graph
        zeros = {n: jnp.zeros_like(model.arrays[n]) for n, weight in self._graph.weights().items() if weight.trainable}
        self._slots = {f"{slot}/{name}": zero for slot in plan.optimizer.slots for name, zero in zeros.items()}
        self._trainable, self._zeros = list(zeros), zeros if plan.accumulate > 1 else {}
        self.result = model.copy() if plan.averaging else model
        self._updates, self._frozen_updates, self._frozen = 0, 0, False
        self.compiled_step = jax.jit(self._traced, static_argnames=("frozen", "complete"))
        self._tallies: list[tuple[Array, Array]] = []
        self._sums, self._pending = self._zeros, 0

    def feed(self, batches: Iterable[Batch]) -> Iterator[Fed]:
        """See the port."""
        return feed(batches, self._model)

    def step(self, batch: Fed, rate: float) -> None:
        """See the port. Numbers that change come in as arrays, so that nothing is traced again."""
        plan, update = self._plan, self._updates + 1
        own = scalars(plan.optimizer, rate * plan.tuning.rate, update - self._frozen_updates)
        numbers = np.stack([scalars(plan.optimizer, rate, update), own])
        share = np.float32(plan.averaging.share(update) if plan.averaging else 0)
        # Dropout depends on the seed and the step alone.
        key = np.random.SeedSequence((plan.seed, self._updates, self._pending)).generate_state(2)
        complete = self._pending + 1 == plan.accumulate
        state = State(self._model.arrays, self._slots, self._sums, self.result.arrays if plan.averaging else {})
        state, tally = self.compiled_step(state, batch, numbers, share, key, frozen=self._frozen, complete=complete)
        self._model.arrays, self._slots, self._sums, averages = state
        if plan.averaging:
            self.result.arrays = averages
        self._tallies.append(tally)
        self._pending = 0 if complete else self._pending + 1
        self._updates += complete
        self._frozen_updates += complete and self._frozen

    def freeze(self, frozen: bool) -> None:
        """See the port."""
        self._frozen = frozen

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
        return TrainState(self._model.weights(), slots, self._updates, self._frozen_updates, averages)

    def restore(self, state: TrainState) -> None:
        """See the port. What is pending is dropped."""
        check_state(self._graph, self._plan, state)
        self._model.load(state.weights)
        self._slots = {key: self._model.put(slot.copy()) for key, slot in state.slots.items()}
        if self._plan.averaging:
            self.result.load(state.averages)
        self._updates, self._frozen_updates = state.step, state.frozen
        self.close()

    def close(self) -> None:
        """Drops tallies and pending gradients. Closing twice does no harm."""
        self._tallies, self._sums, self._pending = [], self._zeros, 0

    def _traced(
        self, state: State, batch: Fed, numbers: Array, share: Array, key: Array, *, frozen: bool, complete: bool
    ) -> tuple[State, tuple[Array, Array]]:
        """Forward, backward, counting and, when ``complete``, the update. Gives loss and counts."""
        plan, spec, (images, labels) = self._plan, self._model.spec, batch
        held = plan.tuning.held(self._graph, frozen=frozen)
        live, drop = norms(spec, held), jax.random.wrap_key_data(key)

        def loss(free: Arrays) -> tuple[Array, tuple[Array, Arrays]]:
            outputs, moved = self._model.native(state.weights | free, images, live=live, key=drop)
            return loss_of(plan, outputs, labels), (outputs[0], moved)

        free = {name: state.weights[name] for name in self._trainable if name not in held}
        (value, (logits, moved)), gradients = jax.value_and_grad(loss, has_aux=True)(free)
        counts = confusions(logits, labels, spec.task, len(spec.classes)).sum(0)
        state = state._replace(weights=state.weights | moved)
        if state.sums:
            gradients = {name: state.sums[name] + part / plan.accumulate for name, part in gradients.items()}
            state = state._replace(sums=self._zeros if complete else state.sums | gradients)
        return self._updated(state, gradients, numbers, share) if complete else state, (value, counts)

    def _updated(self, state: State, gradients: Arrays, numbers: Array, share: Array) -> State:
        plan, weights, slots = self._plan, dict(state.weights), dict(state.slots)
        for name, gradient in clipped(gradients, plan.clip_norm).items():
            own = {slot: slots[f"{slot}/{name}"] for slot in plan.optimizer.slots}
            row = numbers[int(plan.tuning.covers(name))]
            weights[name], own = updated(plan.optimizer, name, weights[name], gradient, own, row)
            slots |= {f"{slot}/{name}": array for slot, array in own.items()}
        averages = {name: old + share * (weights[name] - old) for name, old in state.averages.items()}
        return state._replace(weights=weights, slots=slots, averages=averages)
