"""Fine-tuning: a part that is frozen, has a rate of its own, or norms that stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ...domain.ports.backend import Capability, TrainState
from ...domain.training.optimizers import Adam, AdamW
from ...domain.training.tuning import Tuning
from . import expect
from .subject import LOSS_TOLERANCE, Subject, batch, cross_entropy, lively, pixelwise_spec, small_spec, train
from .training_checks import RESUME_TOLERANCE
from .update_checks import _expect_update, _Probe

STEM = Tuning(part="stem.")
"""The part that these checks tune: a convolution and its norm, which the whole model stands on."""


def a_frozen_part_keeps_weights_statistics_and_slots(subject: Subject) -> None:
    """Decay included, and after it has moved as well; the rest moves, and so does the part when it is thawed."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec), optimizer=AdamW(), tuning=STEM, clip_norm=1.0)
    train(session, [batch(spec)], 0.01)
    before = session.snapshot()
    session.freeze(True)
    train(session, [batch(spec, seed=i) for i in range(2)], 0.01)
    after = session.snapshot()
    stem = [name for name in spec.graph.weights() if STEM.covers(name)]
    expect.same_weights("the frozen part", _only(after.weights, stem), _only(before.weights, stem))
    slots = [key for key in before.slots if STEM.covers(key.split("/", 1)[1])]
    expect.same_weights("slots of the frozen part", _only(after.slots, slots), _only(before.slots, slots))
    _all_moved(after, before, set(before.weights) - set(stem))
    expect.that((after.step, after.frozen) == (3, 2), f"{after.frozen} of {after.step} updates count as frozen")
    session.freeze(False)
    train(session, [batch(spec)], 0.01)
    _all_moved(session.snapshot(), after, before.weights)


def a_frozen_norm_normalises_by_its_running_statistics(subject: Subject) -> None:
    """As in inference, whether the whole part is frozen or its norms alone are fixed."""
    spec = pixelwise_spec(norm=True)
    data = batch(spec)
    for tuning, frozen in ((Tuning(part="first."), True), (Tuning(part="first.", fixed_norms=True), False)):
        model = subject.model(spec)
        before, wanted = model.weights(), cross_entropy(model.logits(data.images)[0], data.labels)
        session = subject.trainer(model, tuning=tuning)
        session.freeze(frozen)
        train(session, [data], 0.1)
        expect.close("loss", session.drain().losses, np.array([wanted]), LOSS_TOLERANCE)
        after = model.weights()
        for name in (name for name in before if name.startswith("first.")):
            expect.equal(name, after[name], before[name])
        expect.that(bool((after["head.weight"] != before["head.weight"]).any()), "the rest has not moved")


def fixed_norms_stay_while_the_kernels_of_their_part_move(subject: Subject) -> None:
    """Scale, shift and statistics of the part's norms; all others move."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec), optimizer=Adam(), tuning=Tuning(part=STEM.part, fixed_norms=True))
    before = session.snapshot()
    train(session, [batch(spec, seed=i) for i in range(2)], 0.01)
    after = session.snapshot()
    norm = [name for name in before.weights if name.startswith("stem.norm.")]
    expect.same_weights("the fixed norm", _only(after.weights, norm), _only(before.weights, norm))
    _all_moved(after, before, [name for name in before.weights if name not in norm])


def a_part_has_a_rate_of_its_own(subject: Subject) -> None:
    """A tenth of the rate for the part, decay included, and the whole rate for the rest: the pinned formulas."""
    spec = small_spec()
    data, probe = batch(spec), _Probe(subject, spec)
    gradients = probe.gradients(lively(spec.graph, 0), data)
    tuned = {name: array for name, array in gradients.items() if STEM.covers(name)}
    rest = {name: array for name, array in gradients.items() if name not in tuned}
    optimizer = AdamW(weight_decay=0.1)
    session = subject.trainer(subject.model(spec), optimizer=optimizer, tuning=Tuning(STEM.part, rate=0.1))
    before = session.snapshot()
    train(session, [data], 0.02)
    after = session.snapshot()
    _expect_update(optimizer, before, after, tuned, 0.002)
    _expect_update(optimizer, before, after, rest, 0.02)


def a_thawed_part_begins_with_its_own_first_update(subject: Subject) -> None:
    """Adam corrects its bias by the updates a part has had; and a session that is restored goes on the same way."""
    spec = small_spec()
    batches = [batch(spec, seed=i) for i in range(3)]
    session = subject.trainer(subject.model(spec), optimizer=Adam(), tuning=STEM)
    session.freeze(True)
    train(session, batches[:2], 0.01)
    before = session.snapshot()
    session.freeze(False)
    train(session, batches[2:], 0.01)
    after = session.snapshot()
    session.restore(before)
    train(session, batches[2:], 0.01)
    found = session.snapshot()
    expect.that((found.step, found.frozen) == (3, 2), f"{found.frozen} of {found.step} updates count as frozen")
    for name in after.weights:
        if Capability.DETERMINISTIC in subject.backend.capabilities:
            expect.equal(f"resumed: {name}", found.weights[name], after.weights[name])
        else:
            expect.close(f"resumed: {name}", found.weights[name], after.weights[name], RESUME_TOLERANCE)
    gradients = _Probe(subject, spec).gradients(before.weights, batches[2])
    stem = {name: array for name, array in gradients.items() if STEM.covers(name)}
    _expect_update(Adam(), TrainState(before.weights, before.slots, 0), after, stem, 0.01)


def _only(arrays: Mapping[str, NDArray[np.float32]], names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    return {name: arrays[name] for name in names}


def _all_moved(after: TrainState, before: TrainState, names: Iterable[str]) -> None:
    still = [name for name in names if np.array_equal(after.weights[name], before.weights[name])]
    expect.that(not still, f"has not moved: {', '.join(still)}")
