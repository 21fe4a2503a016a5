"""Backends broken on purpose: averages of weights that are kept badly."""

from __future__ import annotations

import attrs
import numpy as np

from segport.domain.ports.backend import TrainState
from segport.domain.training.averaging import Averaging
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class NeverMovesTheAverages(Backend):
    class Still(Averaging):
        def share(self, step):
            return 0.0

    def plan(self, plan):
        return attrs.evolve(plan, averaging=plan.averaging and self.Still(plan.averaging.decay))


class AveragesWithoutWarmUp(Backend):
    class Steady(Averaging):
        def share(self, step):
            return 1 - self.decay

    def plan(self, plan):
        return attrs.evolve(plan, averaging=plan.averaging and self.Steady(plan.averaging.decay))


class CopiesRunningStatistics(Backend):
    class Train(Wrapper):
        def snapshot(self):
            state = self.inner.snapshot()
            copied = {n: state.weights[n] if "running" in n else a for n, a in state.averages.items()}
            return attrs.evolve(state, averages=copied)


class AveragesEveryBatch(Backend):
    class Train(Wrapper):
        def step(self, batch, rate):
            self.inner.step(batch, rate)
            weights, averages = self.model.weights(), self.inner.result.weights()
            self.inner.result.load({n: a + np.float32(0.1) * (weights[n] - a) for n, a in averages.items()})


class ValidatesTheTrainedWeights(Backend):
    def trainer(self, model, plan):
        session = super().trainer(model, plan)
        session.result = model
        return session


class ForgetsTheAverages(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            self.inner.restore(attrs.evolve(state, averages=state.averages and state.weights))


class TakesAStateWithoutAverages(Backend):
    def trainer(self, model, plan):
        session = super().trainer(model, plan)
        restore = session.inner.restore
        if plan.averaging:
            session.restore = lambda state: restore(attrs.evolve(state, averages=state.averages or state.weights))
        return session


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    NeverMovesTheAverages: (
        "averages_equal_the_pinned_formula_after_every_update",
        "averages_move_once_an_update_of_several_batches",
    ),
    AveragesWithoutWarmUp: ("averages_equal_the_pinned_formula_after_every_update",),
    CopiesRunningStatistics: ("averages_equal_the_pinned_formula_after_every_update",),
    AveragesEveryBatch: ("averages_move_once_an_update_of_several_batches",),
    ValidatesTheTrainedWeights: ("the_result_holds_the_averages_and_the_trained_model_its_own_weights",),
    ForgetsTheAverages: ("averages_go_on_in_a_restored_session",),
    TakesAStateWithoutAverages: ("averages_go_on_in_a_restored_session",),
}
