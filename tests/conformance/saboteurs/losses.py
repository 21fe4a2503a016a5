"""Losses broken on purpose."""

from __future__ import annotations

import numpy as np

from segport.adapters.reference.loss import OPS
from segport.adapters.torch.backend import TorchBackend
from segport.domain.errors import InvalidSpecError
from segport.domain.losses.crossentropy import CrossEntropy
from segport.plugins.conformance import loss_checks as loss
from segport.tests.conformance.saboteurs.kind import Saboteurs

TORCH = TorchBackend()


class Honest:
    def __call__(self, ops, logits, truth, valid):
        return CrossEntropy()(ops, logits, truth, valid)


class RefusesEverything(Honest):
    def __call__(self, *arguments):
        raise InvalidSpecError("Not today.", fix="Use another.")


class RefusesWithoutAWord(Honest):
    def __call__(self, ops, logits, truth, valid):
        if logits.shape[-1] == 1:
            raise InvalidSpecError("Needs several classes.")
        return super().__call__(ops, logits, truth, valid)


class OnePerImage(Honest):
    def __call__(self, ops, logits, truth, valid):
        return super().__call__(ops, logits, truth, valid) * ops.sum(ops.cast(valid, logits), (1, 2))


class CountsItsCalls(Honest):
    calls = 0

    def __call__(self, *arguments):
        self.calls += 1
        return super().__call__(*arguments) * self.calls


class LooksAtIgnoredPixels(Honest):
    def __call__(self, ops, logits, truth, valid):
        return super().__call__(ops, logits, truth, valid) + 0.01 * ops.sum(logits * logits)


class DividesByNothing(Honest):
    def __call__(self, ops, logits, truth, valid):
        count = ops.sum(ops.cast(valid, logits))
        with np.errstate(invalid="ignore"):
            return super().__call__(ops, logits, truth, valid) * count / count


class KnowsWhereAPixelIs(Honest):
    def __call__(self, ops, logits, truth, valid):
        top = logits[:, :2], truth[:, :2], valid[:, :2]
        return super().__call__(ops, logits, truth, valid) + super().__call__(ops, *top)


class RewardsMistakes(Honest):
    def __call__(self, *arguments):
        return 10.0 - super().__call__(*arguments)


class Overflows(Honest):
    def __call__(self, ops, logits, truth, valid):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            e = ops.exp(logits) if logits.shape[-1] > 1 else ops.exp(logits * ops.constant((-0.5, 0.5), logits))
            share = ops.pick(e, truth) / ops.sum(e, -1)
            weights = ops.cast(valid, logits)
            return -ops.sum(ops.log(share) * weights) / ops.maximum(ops.sum(weights), 1.0)


class StopsTheGradient(Honest):
    def __call__(self, ops, logits, truth, valid):
        half = super().__call__(ops, logits, truth, valid) / 2
        return half + ops.stop_gradient(half)


CAUGHT_BY: dict[type, str] = {
    RefusesEverything: "a_task_is_done_or_refused_with_a_reason",
    RefusesWithoutAWord: "a_task_is_done_or_refused_with_a_reason",
    OnePerImage: "its_value_is_one_finite_number",
    CountsItsCalls: "the_same_prediction_costs_the_same_again",
    LooksAtIgnoredPixels: "ignored_pixels_change_nothing",
    DividesByNothing: "without_a_pixel_that_counts_it_is_zero",
    KnowsWhereAPixelIs: "the_order_of_pixels_does_not_matter",
    RewardsMistakes: "a_perfect_prediction_costs_less_than_a_wrong_one",
    Overflows: "huge_logits_cost_a_finite_number",
    StopsTheGradient: "every_framework_gives_the_value_and_the_slope_of_the_formula",
}
LOSSES = Saboteurs(CAUGHT_BY, loss.CHECKS, lambda part: loss.LossSubject(part(), OPS, lambda: [TORCH]), Honest)
