"""What every backend's training step must do. Asked of backends that can train."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...domain.arrays import IGNORE
from ...domain.errors import CheckpointError
from ...domain.metrics.confusion import Confusion
from ...domain.metrics.differences import decisions
from ...domain.metrics.planes import PlaneConfusion
from ...domain.ports.backend import Capability, TrainState
from ...domain.samples import Batch, Task
from ...domain.training.optimizers import Adam, AdamW, Sgd
from . import expect
from .subject import LOSS_TOLERANCE, Subject, batch, cross_entropy, lively, pixelwise_spec, small_spec, train

RESUME_TOLERANCE = 1e-4


def losses_equal_the_formula_on_the_logits(subject: Subject) -> None:
    """The reported loss is that of the training logits before the update, outputs weighted, ignored pixels left out."""
    for task in Task:
        spec = small_spec(task)
        model, data = subject.model(spec), batch(spec)
        logits = model.logits(data.images, training=True)
        wanted = sum(w * cross_entropy(z, data.labels) for w, z in zip((1.0, 0.5), logits, strict=True))
        session = subject.trainer(model)
        train(session, [data], 0.0)
        expect.close(f"{task.value} loss", session.drain().losses, np.array([wanted]), LOSS_TOLERANCE)


def draining_gives_every_loss_once(subject: Subject) -> None:
    """In order of steps, float64; nothing when nothing was done since."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec))
    empty = session.drain()
    expect.that(empty.losses.shape == (0,) and not empty.counts.any(), "something was counted before the first step")
    several = [batch(spec, seed=i) for i in range(3)]
    train(session, several, 0.0)
    together = session.drain()
    expect.that(together.losses.dtype == np.float64, f"losses of {together.losses.dtype}, expected float64")
    expect.that(together.counts.dtype == np.int64, f"counts of {together.counts.dtype}, expected int64")
    singly, counts = [], np.zeros_like(together.counts)
    for data in several:
        train(session, [data], 0.0)
        tally = session.drain()
        singly.append(tally.losses)
        counts += tally.counts
    expect.close("losses drained one by one", np.concatenate(singly), together.losses, LOSS_TOLERANCE)
    expect.equal("counts drained one by one", counts, together.counts)
    expect.that(session.drain().losses.shape == (0,), "losses were handed out twice")


def training_counts_equal_the_domains(subject: Subject) -> None:
    """The confusion of the main output's predictions in training mode, ignored pixels left out."""
    for task in Task:
        spec = small_spec(task)
        model, data = subject.model(spec), batch(spec)
        session = subject.trainer(model)
        predicted = decisions(model.logits(data.images, training=True)[0], planes=task.planes)
        wanted = (PlaneConfusion if task.planes else Confusion).of(data.labels, predicted, len(spec.classes))
        train(session, [data], 0.0)
        expect.equal(f"{task.value} training counts", session.drain().counts, wanted.counts)


def a_rate_of_zero_changes_no_trainable_weight(subject: Subject) -> None:
    """Whatever the optimizer, its decay included."""
    spec = small_spec()
    before = lively(spec.graph, 0)
    trainable = [name for name, weight in spec.graph.weights().items() if weight.trainable]
    for optimizer in (Sgd(weight_decay=0.1), AdamW()):
        model = subject.model(spec)
        train(subject.trainer(model, optimizer=optimizer), [batch(spec)] * 2, 0.0)
        after = model.weights()
        for name in trainable:
            expect.equal(name, after[name], before[name])


def running_statistics_move_by_the_momentum_to_the_unbiased_variance(subject: Subject) -> None:
    """running = 0.9 running + 0.1 batch, with N / (N - 1) in the variance."""
    spec = pixelwise_spec(norm=True)
    data = batch(spec, 1, (5, 5))
    model = subject.model(spec)
    before = model.weights()
    train(subject.trainer(model), [data], 0.0)
    after = model.weights()
    pixels = (data.images / 255.0 - spec.normalisation.mean) / spec.normalisation.std
    for name, value in {"mean": pixels.mean((0, 1, 2)), "var": pixels.var((0, 1, 2), ddof=1)}.items():
        wanted = 0.9 * before[f"first.running_{name}"] + 0.1 * value
        expect.close(f"running_{name}", after[f"first.running_{name}"], wanted, LOSS_TOLERANCE)


def ignored_pixels_change_neither_loss_nor_weights(subject: Subject) -> None:
    """Whatever the image shows there; and a batch of nothing else has loss 0 and no gradient."""
    spec = pixelwise_spec()
    data = batch(spec)
    other = data.images.copy()
    other[data.labels == IGNORE] = 255 - other[data.labels == IGNORE]
    results = []
    for images in (data.images, other):
        model = subject.model(spec)
        session = subject.trainer(model)
        train(session, [Batch(images, data.labels, data.keys)], 0.1)
        results.append((session.drain(), model.weights()))
    (tally, weights), (other_tally, other_weights) = results
    expect.close("loss", other_tally.losses, tally.losses, LOSS_TOLERANCE)
    expect.equal("counts", other_tally.counts, tally.counts)
    for name in weights:
        expect.close(name, other_weights[name], weights[name], LOSS_TOLERANCE)
    model = subject.model(spec)
    session = subject.trainer(model)
    train(session, [Batch(data.images, np.full_like(data.labels, IGNORE), data.keys)], 0.1)
    expect.equal("loss of ignored pixels alone", session.drain().losses, np.zeros(1))
    expect.same_weights("weights after ignored pixels alone", model.weights(), lively(spec.graph, 0))


def one_batch_can_be_learnt_by_heart(subject: Subject) -> None:
    """Sixty steps of Adam bring the loss under a third of the first."""
    spec = small_spec(outputs=1)
    session = subject.trainer(subject.model(spec), optimizer=Adam())
    train(session, [batch(spec, 2)] * 60, 0.01)
    losses = session.drain().losses
    expect.that(losses[-1] < losses[0] / 3, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f} only")


def a_restored_session_goes_on_as_if_never_interrupted(subject: Subject) -> None:
    """Weights, slots, step and dropout; bit for bit where the backend is deterministic."""
    spec = small_spec(dropout=0.3)
    batches = [batch(spec, seed=i) for i in range(4)]
    for optimizer in (Sgd(momentum=0.9), AdamW()):
        model = subject.model(spec)
        session = subject.trainer(model, optimizer=optimizer)
        train(session, batches[:2], 0.01)
        halfway = session.snapshot()
        session.drain()
        train(session, batches[2:], 0.02)
        wanted, losses = session.snapshot(), session.drain().losses
        resumed = subject.trainer(subject.model(spec, seed=9), optimizer=optimizer)
        resumed.restore(halfway)
        train(resumed, batches[2:], 0.02)
        _same_state(subject, resumed.snapshot(), wanted)
        expect.close("losses after resuming", resumed.drain().losses, losses, RESUME_TOLERANCE)
        expect.that(wanted.step == 4, f"step {wanted.step} after 4 updates")


def a_snapshot_is_not_changed_by_later_steps(subject: Subject) -> None:
    """It is a copy."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec), optimizer=Adam())
    train(session, [batch(spec)], 0.01)
    snapshot = session.snapshot()
    kept = {name: array.copy() for name, array in {**snapshot.weights, **snapshot.slots}.items()}
    train(session, [batch(spec)], 0.01)
    expect.same_weights("snapshot after a further step", {**snapshot.weights, **snapshot.slots}, kept)


def restoring_what_does_not_fit_is_refused_and_changes_nothing(subject: Subject) -> None:
    """Another optimizer's slots, or weights with one missing: CheckpointError."""
    spec = small_spec()
    model = subject.model(spec)
    session = subject.trainer(model, optimizer=Adam())
    train(session, [batch(spec)], 0.01)
    good = session.snapshot()
    moved = {name: array + 1 for name, array in good.weights.items()}
    foreign = {name.replace("m/", "momentum/"): array for name, array in good.slots.items() if name.startswith("m/")}
    fewer = {name: array for name, array in moved.items() if not name.startswith("head")}
    for why, state in {
        "slots of another optimizer": TrainState(moved, foreign, 1),
        "missing weights": TrainState(fewer, good.slots, 1),
    }.items():
        expect.raises(CheckpointError, why, partial(session.restore, state))
        expect.same_weights(f"weights after refusing {why}", model.weights(), good.weights)
        expect.same_weights(f"slots after refusing {why}", session.snapshot().slots, good.slots)


def sessions_share_nothing(subject: Subject) -> None:
    """Two models with a session each, stepped in turn, end as they would alone."""
    spec = small_spec()
    batches = [batch(spec, seed=i) for i in range(2)]
    alone = []
    for data in batches:
        session = subject.trainer(subject.model(spec), optimizer=Adam())
        train(session, [data] * 2, 0.01)
        alone.append((session.snapshot(), session.drain()))
    pair = [subject.trainer(subject.model(spec), optimizer=Adam()) for _ in batches]
    for _ in range(2):
        for session, data in zip(pair, batches, strict=True):
            train(session, [data], 0.01)
    for session, (state, tally) in zip(pair, alone, strict=True):
        _same_state(subject, session.snapshot(), state)
        found = session.drain()
        expect.close("losses side by side", found.losses, tally.losses, RESUME_TOLERANCE)
        if Capability.DETERMINISTIC in subject.backend.capabilities:
            expect.equal("counts side by side", found.counts, tally.counts)


def evaluating_between_steps_changes_no_step(subject: Subject) -> None:
    """An evaluator sees the weights of the moment, and the trainer never notices."""
    spec = small_spec(dropout=0.3)
    data = batch(spec)
    states = []
    for looks in (False, True):
        model = subject.model(spec)
        session = subject.trainer(model, optimizer=Adam())
        evaluator = subject.backend.evaluator(model)
        for _ in range(3):
            train(session, [data], 0.01)
            if looks:
                for fed in evaluator.feed([data]):
                    found = evaluator.masks(fed)
                fresh = subject.with_weights(spec, model.weights())
                agree = float((found == decisions(fresh.logits(data.images)[0])).mean())
                expect.that(agree > 0.999, f"the evaluator saw other weights: {agree:.1%} of its pixels agree")
        states.append(session.snapshot())
    _same_state(subject, states[1], states[0])


def closing_twice_does_no_harm(subject: Subject) -> None:
    """And the model stays usable after its sessions."""
    spec = small_spec()
    model, data = subject.model(spec), batch(spec)
    session, evaluator = subject.trainer(model), subject.backend.evaluator(model)
    train(session, [data], 0.01)
    weights, logits = model.weights(), model.logits(data.images)[0]
    for _ in range(2):
        session.close()
        evaluator.close()
    expect.same_weights("weights after closing", model.weights(), weights)
    expect.close("logits after closing", model.logits(data.images)[0], logits, LOSS_TOLERANCE)


def _same_state(subject: Subject, found: TrainState, wanted: TrainState) -> None:
    expect.that(found.step == wanted.step, f"step {found.step}, expected {wanted.step}")
    for kind in ("weights", "slots", "averages"):
        some, others = getattr(found, kind), getattr(wanted, kind)
        if Capability.DETERMINISTIC in subject.backend.capabilities:
            expect.same_weights(kind, some, others)
            continue
        expect.that(set(some) == set(others), f"{kind}: other names")
        for name in others:
            expect.close(name, some[name], others[name], RESUME_TOLERANCE)
