"""The kit itself: backends broken on purpose. Some check must catch each, and every check must catch at least one."""

import inspect
from collections.abc import Callable, Iterable, Iterator

import attrs
import numpy as np
import pytest

from segport.adapters.reference.model import NumpyModel
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.operations import Attention
from segport.domain.arrays import IGNORE
from segport.domain.errors import CheckpointError, InvalidSpecError
from segport.domain.ports.backend import EvalTally, Precision, StepPlan, StepTally, TrainState
from segport.domain.samples import Batch
from segport.domain.training.averaging import Averaging
from segport.domain.training.optimizers import Sgd
from segport.plugins.conformance import CHECKS, Subject, run_check, run_checks


class Wrapper:
    """Hands everything on to the real thing."""

    def __init__(self, inner, model=None):
        self.inner = inner
        self.model = model

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Backend(Wrapper):
    """Builds wrapped models and sessions of the real backend. Saboteurs replace one of its parts."""

    Model: type[Wrapper] = Wrapper
    Train: type[Wrapper] = Wrapper
    Eval: type[Wrapper] = Wrapper

    def __init__(self):
        super().__init__(TorchBackend())

    def build(self, spec, weights, **options):
        return self.Model(self.inner.build(spec, weights, **options))

    def trainer(self, model, plan: StepPlan):
        session = self.Train(self.inner.trainer(model.inner, self.plan(plan)), model.inner)
        session.result = self.Model(session.inner.result)
        return session

    def evaluator(self, model, plan=None):
        return self.Eval(self.inner.evaluator(model.inner, plan), model.inner)

    def plan(self, plan: StepPlan) -> StepPlan:
        return plan


class ChannelsFirst(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [np.moveaxis(z, 3, 1) for z in self.inner.logits(images, **mode)]


class SlightlyOffLogits(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [z * np.float32(1.0002) for z in self.inner.logits(images, **mode)]


class AttendsWithOneHead(Backend):
    def build(self, spec, weights, **options):
        nodes = [attrs.evolve(n, operation=Attention()) if n.name == "attention" else n for n in spec.graph.nodes]
        return super().build(attrs.evolve(spec, graph=attrs.evolve(spec.graph, nodes=tuple(nodes))), weights, **options)


class RunningStatisticsInTraining(Backend):
    class Model(Wrapper):
        def logits(self, images, *, training=False):
            return self.inner.logits(images)


class OnlyMultiplesOfFour(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            if images.shape[1] % 4 or images.shape[2] % 4:
                raise ValueError("size is no multiple of 4")
            return self.inner.logits(images, **mode)


class LeaksAcrossTheBatch(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            return [z + np.float32(0.01) * z.mean(0) for z in self.inner.logits(images, **mode)]


class HalfPrecisionWeights(Backend):
    class Model(Wrapper):
        def weights(self):
            return {n: a.astype(np.float16).astype(np.float32) for n, a in self.inner.weights().items()}


class LoadsWhatFits(Backend):
    class Model(Wrapper):
        def load(self, weights):
            own = self.inner.weights()
            self.inner.load(
                {n: weights[n] if n in weights and weights[n].shape == own[n].shape else own[n] for n in own}
            )


class LendsItsWeights(Backend):
    class Model(Wrapper):
        def __init__(self, inner):
            super().__init__(inner)
            self.lent = inner.weights()

        def weights(self):
            return self.lent


class ScribblesOnImages(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            found = self.inner.logits(images, **mode)
            images[:, 0] = 0
            return found


class AnyDeviceWillDo(Backend):
    def build(self, spec, weights, *, device="auto", precision=Precision.AUTO):
        try:
            return super().build(spec, weights, device=device, precision=precision)
        except InvalidSpecError:
            return super().build(spec, weights, precision=precision)


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


class IgnoresAPixelInAllPlanes(Backend):
    class Train(Wrapper):
        def feed(self, batches):
            return self.inner.feed(attrs.evolve(b, labels=self.spread(b.labels)) for b in batches)

        @staticmethod
        def spread(labels):
            anywhere = (labels == IGNORE).any(-1, keepdims=True) & (labels.ndim == 4)
            return np.where(anywhere, IGNORE, labels)


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


class RoughInHalfPrecision(Backend):
    class Model(Wrapper):
        def logits(self, images, **mode):
            rough = self.inner.precision == "bf16"
            return [np.rint(z / 2) * 2 if rough else z for z in self.inner.logits(images, **mode)]


CAUGHT_BY: dict[type[Backend], tuple[str, ...]] = {
    ChannelsFirst: ("logits_are_float32_with_one_value_per_pixel_and_class",),
    SlightlyOffLogits: ("logits_equal_the_reference",),
    AttendsWithOneHead: ("logits_equal_the_reference",),
    RunningStatisticsInTraining: ("training_logits_use_the_statistics_of_the_batch_and_leave_the_running_ones",),
    OnlyMultiplesOfFour: ("images_of_any_size_and_batches_of_any_length_are_taken",),
    LeaksAcrossTheBatch: ("an_image_does_not_depend_on_its_batch",),
    HalfPrecisionWeights: ("weights_survive_the_round_trip",),
    LoadsWhatFits: ("loading_what_does_not_fit_is_refused_and_changes_nothing",),
    LendsItsWeights: ("weights_given_and_taken_are_copies",),
    ScribblesOnImages: ("images_and_labels_are_not_written_to",),
    AnyDeviceWillDo: ("unknown_devices_are_refused",),
    CountsTransposed: ("counts_of_images_equal_the_domains_for_any_batching",),
    ValidatesTheMainOutputAlone: ("losses_of_validation_equal_the_formula_on_the_logits",),
    GivesALossABatch: ("losses_of_validation_equal_the_formula_on_the_logits",),
    ForgetsTheSoftmax: ("masks_and_probabilities_follow_the_logits",),
    SharesOverlappingClassesOut: ("masks_and_probabilities_follow_the_logits",),
    IgnoresAPixelInAllPlanes: ("losses_equal_the_formula_on_the_logits", "training_counts_equal_the_domains"),
    TiesToTheLast: ("equal_logits_go_to_the_first_class",),
    EvaluatesInTrainingMode: ("evaluating_changes_no_weight",),
    FeedsBackwards: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
    SwallowsErrors: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
    LeavesSourcesOpen: ("feeding_keeps_the_order_hands_on_errors_and_closes_its_source",),
    IgnoresNothing: (
        "losses_equal_the_formula_on_the_logits",
        "ignored_pixels_change_neither_loss_nor_weights",
    ),
    NeverForgetsALoss: ("draining_gives_every_loss_once",),
    CountsNothing: ("training_counts_equal_the_domains",),
    DecaysWithoutARate: ("a_rate_of_zero_changes_no_trainable_weight",),
    BiasedVariance: ("running_statistics_move_by_the_momentum_to_the_unbiased_variance",),
    NeverLearns: ("one_batch_can_be_learnt_by_heart",),
    ForgetsSlots: ("a_restored_session_goes_on_as_if_never_interrupted",),
    ForgetsTheStep: ("a_restored_session_goes_on_as_if_never_interrupted",),
    LendsItsSnapshot: ("a_snapshot_is_not_changed_by_later_steps",),
    RestoresAnything: ("restoring_what_does_not_fit_is_refused_and_changes_nothing",),
    RestoresHalfBeforeRefusing: ("restoring_what_does_not_fit_is_refused_and_changes_nothing",),
    SessionsShareTheirSteps: ("sessions_share_nothing",),
    EvaluatesOldWeights: ("evaluating_between_steps_changes_no_step",),
    ClosesOnce: ("closing_twice_does_no_harm",),
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
    RoughInHalfPrecision: ("mixed_precision_stays_near_float32",),
}
BY_NAME = {check.__name__: check for check in CHECKS}
OWN_MISTAKES = ("AttributeError", "TypeError", "NameError", "KeyError", "ImportError")
CASES = [(saboteur, name) for saboteur, names in CAUGHT_BY.items() for name in names]


def subject(make: Callable[[], Backend]) -> Subject:
    return Subject(make(), NumpyModel, device="cpu")


@pytest.mark.parametrize(("saboteur", "name"), CASES, ids=[f"{s.__name__}-{n}" for s, n in CASES])
def test_is_caught(saboteur: type[Backend], name: str) -> None:
    outcome = run_check(BY_NAME[name], subject(saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


def test_an_honest_wrapper_passes() -> None:
    report = run_checks(subject(Backend))
    assert report.passed, str(report)
    assert len(report.outcomes) == len(CHECKS)
    assert not any(outcome.skipped for outcome in report.outcomes)


def test_every_check_catches_a_saboteur_and_every_saboteur_is_listed() -> None:
    assert {name for names in CAUGHT_BY.values() for name in names} == set(BY_NAME)
    assert set(CAUGHT_BY) == set(Backend.__subclasses__())


def test_every_check_function_of_the_kit_is_run() -> None:
    modules = {inspect.getmodule(check) for check in CHECKS}
    written = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written == set(CHECKS)
