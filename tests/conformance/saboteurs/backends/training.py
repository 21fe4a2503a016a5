"""Backends broken on purpose: sessions that train badly."""

from __future__ import annotations

import attrs
import numpy as np

from segport.domain.arrays import IGNORE
from segport.domain.ports.backend import StepTally
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class IgnoresAPixelInAllPlanes(Backend):
    class Train(Wrapper):
        def feed(self, batches):
            return self.inner.feed(attrs.evolve(b, labels=self.spread(b.labels)) for b in batches)

        @staticmethod
        def spread(labels):
            anywhere = (labels == IGNORE).any(-1, keepdims=True) & (labels.ndim == 4)
            return np.where(anywhere, IGNORE, labels)


class IgnoresNothing(Backend):
    class Train(Wrapper):
        def feed(self, batches):
            return self.inner.feed(attrs.evolve(b, labels=np.where(b.labels == IGNORE, 0, b.labels)) for b in batches)


class NeverForgetsALoss(Backend):
    class Train(Wrapper):
        losses = np.zeros(0)

        def drain(self):
            tally = self.inner.drain()
            self.losses = np.concatenate([self.losses, tally.losses])
            return StepTally(self.losses, tally.counts)


class CountsNothing(Backend):
    class Train(Wrapper):
        def drain(self):
            tally = self.inner.drain()
            return StepTally(tally.losses, np.zeros_like(tally.counts))


class DecaysWithoutARate(Backend):
    class Train(Wrapper):
        def step(self, batch, rate):
            self.inner.step(batch, rate)
            weights = self.model.weights()
            self.model.load({**weights, "head.weight": weights["head.weight"] * np.float32(0.999)})


class BiasedVariance(Backend):
    class Train(Wrapper):
        def step(self, batch, rate):
            old = self.model.weights()
            self.inner.step(batch, rate)
            new = self.model.weights()
            size = batch.labels.numel()
            for name in new:
                if name.endswith("running_var"):
                    unbiased = (new[name] - 0.9 * old[name]) / 0.1
                    new[name] = np.float32(0.9 * old[name] + 0.1 * unbiased * (size - 1) / size)
            self.model.load(new)


class NeverLearns(Backend):
    class Train(Wrapper):
        def step(self, batch, rate):
            self.inner.step(batch, 0.0)


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    IgnoresAPixelInAllPlanes: ("losses_equal_the_formula_on_the_logits", "training_counts_equal_the_domains"),
    IgnoresNothing: (
        "losses_equal_the_formula_on_the_logits",
        "ignored_pixels_change_neither_loss_nor_weights",
    ),
    NeverForgetsALoss: ("draining_gives_every_loss_once",),
    CountsNothing: ("training_counts_equal_the_domains",),
    DecaysWithoutARate: ("a_rate_of_zero_changes_no_trainable_weight",),
    BiasedVariance: ("running_statistics_move_by_the_momentum_to_the_unbiased_variance",),
    NeverLearns: ("one_batch_can_be_learnt_by_heart",),
}
