"""Backends broken on purpose: sessions that are restored badly, or get in each other's way."""

from __future__ import annotations

import numpy as np

from segport.domain.errors import CheckpointError
from segport.domain.ports.backend import Precision, TrainState
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class ForgetsSlots(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            empty = {name: np.zeros_like(array) for name, array in state.slots.items()}
            self.inner.restore(TrainState(state.weights, empty, state.step))


class ForgetsTheStep(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            self.inner.restore(TrainState(state.weights, state.slots, 0))


class LendsItsSnapshot(Backend):
    class Train(Wrapper):
        lent = None

        def snapshot(self):
            self.lent = self.inner.snapshot()
            return self.lent

        def step(self, batch, rate):
            self.inner.step(batch, rate)
            if self.lent is not None:
                for name, array in self.inner.snapshot().slots.items():
                    self.lent.slots[name][...] = array


class RestoresAnything(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            try:
                self.inner.restore(state)
            except CheckpointError:
                self.model.load({**self.model.weights(), **state.weights})


class RestoresHalfBeforeRefusing(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            self.model.load({**self.model.weights(), **state.weights})
            self.inner.restore(state)


class SessionsShareTheirSteps(Backend):
    steps = 0

    class Train(Wrapper):
        def step(self, batch, rate):
            self.inner.step(batch, rate * 0.99**SessionsShareTheirSteps.steps)
            SessionsShareTheirSteps.steps += 1


class EvaluatesOldWeights(Backend):
    def evaluator(self, model, plan=None):
        spec, weights = model.spec, model.weights()
        return super().evaluator(self.build(spec, weights, precision=Precision.FP32), plan)


class ClosesOnce(Backend):
    class Train(Wrapper):
        closed = False

        def close(self):
            if self.closed:
                raise RuntimeError("closed already")
            self.closed = True
            self.inner.close()


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    ForgetsSlots: ("a_restored_session_goes_on_as_if_never_interrupted",),
    ForgetsTheStep: ("a_restored_session_goes_on_as_if_never_interrupted",),
    LendsItsSnapshot: ("a_snapshot_is_not_changed_by_later_steps",),
    RestoresAnything: ("restoring_what_does_not_fit_is_refused_and_changes_nothing",),
    RestoresHalfBeforeRefusing: ("restoring_what_does_not_fit_is_refused_and_changes_nothing",),
    SessionsShareTheirSteps: ("sessions_share_nothing",),
    EvaluatesOldWeights: ("evaluating_between_steps_changes_no_step",),
    ClosesOnce: ("closing_twice_does_no_harm",),
}
