"""The moving average of the weights: what it is after each update, who sees it, and that it goes on after a resume."""

from __future__ import annotations

from functools import partial

from attrs import evolve

from ...domain.errors import CheckpointError
from ...domain.metrics.differences import decisions
from ...domain.ports.backend import TrainState
from ...domain.training.averaging import Averaging
from ...domain.training.optimizers import Adam
from . import expect
from .subject import Subject, batch, lively, small_spec, train
from .training_checks import _same_state

AVERAGING = Averaging(0.25)
"""A decay that warms up in two updates and is reached in the third."""

AVERAGE_TOLERANCE = 2e-6


def averages_equal_the_pinned_formula_after_every_update(subject: Subject) -> None:
    """Those of running statistics as those of weights, from the first weights on; without a plan there are none."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec), optimizer=Adam(), averaging=AVERAGING)
    before = session.snapshot()
    expect.same_weights("averages before the first update", before.averages, before.weights)
    for step in range(1, 5):
        train(session, [batch(spec, seed=step)], 0.01)
        after = session.snapshot()
        _expect_average(before, after, step)
        before = after
    plain = subject.trainer(subject.model(spec)).snapshot()
    expect.that(not plain.averages, "there are averages that nobody asked for")


def averages_move_once_an_update_of_several_batches(subject: Subject) -> None:
    """Not with the batches before the last, though these move the running statistics."""
    spec = small_spec()
    session = subject.trainer(subject.model(spec), averaging=AVERAGING, accumulate=2)
    before = session.snapshot()
    train(session, [batch(spec, seed=1)], 0.1)
    expect.same_weights("averages after half of an update", session.result.weights(), before.averages)
    train(session, [batch(spec, seed=2)], 0.1)
    _expect_average(before, session.snapshot(), 1)


def the_result_holds_the_averages_and_the_trained_model_its_own_weights(subject: Subject) -> None:
    """An evaluator of the result follows every update and changes none; without averaging, it is the trained model."""
    spec = small_spec()
    data, states = batch(spec), []
    for looks in (False, True):
        model = subject.model(spec)
        session = subject.trainer(model, optimizer=Adam(), averaging=AVERAGING)
        evaluator = subject.backend.evaluator(session.result)
        for _ in range(2):
            train(session, [data], 0.01)
            if looks:
                (masks,) = (evaluator.masks(fed) for fed in evaluator.feed([data]))
                wanted = subject.reference(spec, session.snapshot().averages).logits(data.images)[0]
                agree = float((masks == decisions(wanted)).mean())
                expect.that(agree > 0.999, f"the evaluator saw other weights: {agree:.1%} of its pixels agree")
        state = session.snapshot()
        expect.same_weights("weights of the result", session.result.weights(), state.averages)
        expect.same_weights("weights of the trained model", model.weights(), state.weights)
        states.append(state)
    _same_state(subject, states[1], states[0])
    model = subject.model(spec)
    result = subject.trainer(model).result
    model.load(lively(spec.graph, 5))
    expect.same_weights("the result without averaging", result.weights(), model.weights())


def averages_go_on_in_a_restored_session(subject: Subject) -> None:
    """From where they were. States without them are refused, as those with some that nobody asked for."""
    spec = small_spec()
    batches = [batch(spec, seed=i) for i in range(4)]
    session = subject.trainer(subject.model(spec), optimizer=Adam(), averaging=AVERAGING)
    train(session, batches[:2], 0.01)
    halfway = session.snapshot()
    train(session, batches[2:], 0.01)
    resumed = subject.trainer(subject.model(spec, seed=9), optimizer=Adam(), averaging=AVERAGING)
    resumed.restore(halfway)
    train(resumed, batches[2:], 0.01)
    good = resumed.snapshot()
    _same_state(subject, good, session.snapshot())
    expect.raises(CheckpointError, "no averages", partial(resumed.restore, evolve(halfway, averages={})))
    _same_state(subject, resumed.snapshot(), good)
    plain = subject.trainer(subject.model(spec), optimizer=Adam())
    expect.raises(CheckpointError, "averages that nobody asked for", partial(plain.restore, halfway))


def _expect_average(before: TrainState, after: TrainState, step: int) -> None:
    for name, average in before.averages.items():
        wanted = AVERAGING.update(average, after.weights[name], step)
        expect.close(f"average of {name}", after.averages[name], wanted, AVERAGE_TOLERANCE)
