"""Backends broken on purpose: updates that follow other formulas, or that freeze badly."""

from __future__ import annotations

import attrs

from segport.domain.ports.backend import TrainState
from segport.domain.training.optimizers import Sgd
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class ForgetsNesterov(Backend):
    def plan(self, plan):
        simple = isinstance(plan.optimizer, Sgd)
        return attrs.evolve(plan, optimizer=attrs.evolve(plan.optimizer, nesterov=False)) if simple else plan


class KerasEpsilon(Backend):
    def plan(self, plan):
        if isinstance(plan.optimizer, Sgd):
            return plan
        return attrs.evolve(plan, optimizer=attrs.evolve(plan.optimizer, epsilon=plan.optimizer.epsilon * 1.2))


class NeverClips(Backend):
    def plan(self, plan):
        return attrs.evolve(plan, clip_norm=None)


class SumsAccumulatedBatches(Backend):
    def plan(self, plan):
        def scaled(*arguments):
            return plan.loss(*arguments) * plan.accumulate

        return attrs.evolve(plan, loss=scaled)


class NeverFreezes(Backend):
    class Train(Wrapper):
        def freeze(self, frozen):
            pass


class FreezesForGood(Backend):
    class Train(Wrapper):
        def freeze(self, frozen):
            if frozen:
                self.inner.freeze(True)


class FrozenNormsFollowTheBatch(Backend):
    class Train(Wrapper):
        def step(self, batch, rate):
            for part in self.model.native.modules():
                part.training = True
            self.inner.step(batch, rate)


class NormsAreNeverFixed(Backend):
    def plan(self, plan):
        return attrs.evolve(plan, tuning=attrs.evolve(plan.tuning, fixed_norms=False))


class OneRateForAll(Backend):
    def plan(self, plan):
        return attrs.evolve(plan, tuning=attrs.evolve(plan.tuning, rate=1.0))


class ForgetsWhatWasFrozen(Backend):
    class Train(Wrapper):
        def restore(self, state: TrainState):
            self.inner.restore(attrs.evolve(state, frozen=0))


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    ForgetsNesterov: ("five_updates_equal_the_pinned_formulas",),
    KerasEpsilon: ("five_updates_equal_the_pinned_formulas",),
    NeverClips: ("gradients_are_scaled_down_to_the_norm",),
    SumsAccumulatedBatches: ("accumulated_batches_are_averaged_into_one_update",),
    NeverFreezes: (
        "a_frozen_part_keeps_weights_statistics_and_slots",
        "a_frozen_norm_normalises_by_its_running_statistics",
    ),
    FreezesForGood: ("a_frozen_part_keeps_weights_statistics_and_slots",),
    FrozenNormsFollowTheBatch: ("a_frozen_norm_normalises_by_its_running_statistics",),
    NormsAreNeverFixed: (
        "a_frozen_norm_normalises_by_its_running_statistics",
        "fixed_norms_stay_while_the_kernels_of_their_part_move",
    ),
    OneRateForAll: ("a_part_has_a_rate_of_its_own",),
    ForgetsWhatWasFrozen: ("a_thawed_part_begins_with_its_own_first_update",),
}
