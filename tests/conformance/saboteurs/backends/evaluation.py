"""Backends broken on purpose: sessions that evaluate badly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs
import numpy as np

from segport.domain.ports.backend import EvalTally
from segport.domain.samples import Batch
from segport.tests.conformance.saboteurs.backends.honest import Backend, Wrapper


class CountsTransposed(Backend):
    class Eval(Wrapper):
        def drain(self):
            tally = self.inner.drain()
            return EvalTally([counts.T for counts in tally.counts], tally.losses)


class ValidatesTheMainOutputAlone(Backend):
    def evaluator(self, model, plan=None):
        return super().evaluator(model, plan and attrs.evolve(plan, output_weights=(1.0, 0.0)))


class GivesALossABatch(Backend):
    class Eval(Wrapper):
        def drain(self):
            tally = self.inner.drain()
            return EvalTally(tally.counts, np.unique(tally.losses))


class ForgetsTheSoftmax(Backend):
    class Eval(Wrapper):
        def probabilities(self, batch):
            return np.log(self.inner.probabilities(batch))


class SharesOverlappingClassesOut(Backend):
    class Eval(Wrapper):
        def probabilities(self, batch):
            p = self.inner.probabilities(batch)
            return p / p.sum(-1, keepdims=True)


class TiesToTheLast(Backend):
    class Eval(Wrapper):
        def masks(self, batch):
            p = self.inner.probabilities(batch)
            return (p.shape[-1] - 1 - p[..., ::-1].argmax(-1)).astype(np.uint8)


class EvaluatesInTrainingMode(Backend):
    class Eval(Wrapper):
        def tally(self, batch):
            self.inner.tally(batch)
            self.model.native.train()
            self.model.forward(batch.images)


class FeedsBackwards(Backend):
    class Eval(Wrapper):
        def feed(self, batches):
            return self.inner.feed(list(batches)[::-1])


class SwallowsErrors(Backend):
    class Eval(Wrapper):
        def feed(self, batches):
            def quiet() -> Iterator[Batch]:
                try:
                    yield from batches
                except Exception:  # noqa: BLE001
                    return

            return self.inner.feed(quiet())


class LeavesSourcesOpen(Backend):
    kept: list[Iterable[Batch]] = []  # noqa: RUF012

    class Eval(Wrapper):
        def feed(self, batches):
            LeavesSourcesOpen.kept.append(batches)
            return self.inner.feed(iter(map(lambda batch: batch, batches)))  # noqa: C417


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    CountsTransposed: ("counts_of_images_equal_the_domains_for_any_batching",),
    ValidatesTheMainOutputAlone: ("losses_of_validation_equal_the_formula_on_the_logits",),
    GivesALossABatch: ("losses_of_validation_equal_the_formula_on_the_logits",),
    ForgetsTheSoftmax: ("masks_and_probabilities_follow_the_logits",),
    SharesOverlappingClassesOut: ("masks_and_probabilities_follow_the_logits",),
    TiesToTheLast: ("equal_logits_go_to_the_first_class",),
    EvaluatesInTrainingMode: ("evaluating_changes_no_weight",),
    FeedsBackwards: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
    SwallowsErrors: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
    LeavesSourcesOpen: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
}
