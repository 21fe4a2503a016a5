"""The update itself, held against the domain's pinned formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...domain.architecture.weights import Weights
from ...domain.ports.backend import TrainState
from ...domain.samples import Batch
from ...domain.spec import ModelSpec
from ...domain.training.optimizers import Adam, AdamW, Optimizer, Sgd, clip_by_norm, mean_gradient
from . import expect
from .subject import PLAIN_SGD, Subject, batch, lively, small_spec, train

UPDATE_TOLERANCE = 2e-5
HUGE = 2.0**20
"""A rate so large that one plain step is nothing but the gradient; a power of two, so that dividing by it is exact."""

Gradients = Mapping[str, NDArray[np.float32]]


def five_updates_equal_the_pinned_formulas(subject: Subject) -> None:
    """SGD with momentum, Nesterov and decay, Adam with penalty, AdamW; weights and slots, at a rate that changes."""
    spec = small_spec()
    probe = _Probe(subject, spec)
    for optimizer in (
        Sgd(momentum=0.9),
        Sgd(momentum=0.8, nesterov=True, weight_decay=0.01),
        Adam(weight_decay=0.01),
        AdamW(beta1=0.8, beta2=0.99, epsilon=1e-4, weight_decay=0.1),
    ):
        session = subject.trainer(subject.model(spec), optimizer=optimizer)
        before = session.snapshot()
        for step in range(1, 6):
            data, rate = batch(spec, seed=step), 0.02 / step
            train(session, [data], rate)
            after = session.snapshot()
            gradients = probe.gradients(before.weights, data)
            _expect_update(optimizer, before, after, gradients, rate)
            expect.that(after.step == step, f"step {after.step} after {step} updates")
            before = after


def gradients_are_scaled_down_to_the_norm(subject: Subject) -> None:
    """Over all weights together; smaller gradients are left alone."""
    spec = small_spec()
    data = batch(spec)
    gradients = _Probe(subject, spec).gradients(lively(spec.graph, 0), data)
    norm = float(np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients.values())))
    for limit in (norm / 3, norm * 3):
        session = subject.trainer(subject.model(spec), clip_norm=limit)
        before = session.snapshot()
        train(session, [data], 0.1)
        _expect_update(PLAIN_SGD, before, session.snapshot(), clip_by_norm(gradients, limit), 0.1)


def accumulated_batches_are_averaged_into_one_update(subject: Subject) -> None:
    """Every loss is reported, and weights move with the last of the batches only."""
    spec = small_spec()
    data = [batch(spec, seed=i) for i in range(2)]
    weights = lively(spec.graph, 0)
    probe = _Probe(subject, spec)
    gradients = mean_gradient([probe.gradients(weights, one) for one in data])
    model = subject.model(spec)
    session = subject.trainer(model, accumulate=2)
    before = session.snapshot()
    train(session, data[:1], 0.1)
    expect.equal("head.weight after half of an update", model.weights()["head.weight"], weights["head.weight"])
    train(session, data[1:], 0.1)
    after = session.snapshot()
    expect.that(after.step == 1, f"step {after.step} after 1 update of 2 batches")
    expect.that(len(session.drain().losses) == 2, "not every batch's loss is reported")
    _expect_update(PLAIN_SGD, before, after, gradients, 0.1)


class _Probe:
    """Reads gradients off plain steps. One session serves all: compiling a step may take a backend seconds."""

    def __init__(self, subject: Subject, spec: ModelSpec) -> None:
        self._names = _trainable(spec)
        self._session = subject.trainer(subject.model(spec))

    def gradients(self, weights: Weights, data: Batch) -> Gradients:
        """The loss's gradient at these weights, by name."""
        self._session.restore(TrainState(weights, self._session.snapshot().slots, 0))
        train(self._session, [data], HUGE)
        moved = self._session.snapshot().weights
        return {name: (weights[name] - moved[name]) / np.float32(HUGE) for name in self._names}


def _trainable(spec: ModelSpec) -> Sequence[str]:
    return [name for name, weight in spec.graph.weights().items() if weight.trainable]


def _expect_update(
    optimizer: Optimizer, before: TrainState, after: TrainState, gradients: Gradients, rate: float
) -> None:
    label = type(optimizer).__name__
    for name, gradient in gradients.items():
        slots = {slot: before.slots[f"{slot}/{name}"] for slot in optimizer.slots}
        step = before.step + 1
        wanted, wanted_slots = optimizer.update(before.weights[name], gradient, slots, step, rate, name=name)
        # The move is compared, so that a small error in a small step shows; the weight's own rounding is allowed.
        move, right = after.weights[name] - before.weights[name], wanted - before.weights[name]
        rounding = 2e-7 * float(np.abs(wanted).max() / max(np.abs(right).max(), 1e-9))
        expect.close(f"{label}: {name}", move, right, UPDATE_TOLERANCE + rounding)
        if not (isinstance(optimizer, Sgd) and optimizer.momentum == 0):
            for slot, array in wanted_slots.items():
                expect.close(f"{label}: {slot}/{name}", after.slots[f"{slot}/{name}"], array, UPDATE_TOLERANCE)
