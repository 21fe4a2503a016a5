"""The training loop over a backend that only takes notes: what is called, in which order, at which rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from segport.application.training.loop import LoopPlan, TrainingLoop, count_all
from segport.application.training.progress import Progress
from segport.application.training.scoring import columns
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError, RunInterruptedError, TrainingDivergedError
from segport.domain.events import CheckpointSaved, EpochDone, Event, RunFailed, StepsDone
from segport.domain.ports.backend import EvalTally, StepTally, TrainState
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.ports.dataset import Shard
from segport.domain.resampling import Fit
from segport.domain.samples import Batch, Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.plateau import Plateau
from segport.domain.training.schedules import Constant, Cosine, Exponential, Schedule, WarmUp
from segport.domain.training.selection import Best, Mode
from segport.domain.training.stopping import EarlyStopping

GRAPH = UNet((4,)).graph(channels=1, outputs=2, encoder=Plain(width=4, depth=2))
SPEC = ModelSpec(GRAPH, ClassMap.of(["a", "b"]), Task.MULTICLASS, Normalisation((0.5,), (0.5,)), Fit.NATIVE, (32, 32))
BATCHES = 6
PLAN = LoopPlan(
    epochs=3,
    batch=2,
    rate=0.1,
    schedule=Constant(),
    accumulate=1,
    monitor="val_miou",
    validate_every=1,
    log_every=2,
)


WHOLE = Shard()


class Batches:
    """A batch is known by its key: "epoch/number"."""

    def __init__(self, length: int = BATCHES) -> None:
        self.length, self.closed = length, 0
        self.made: list[Iterator[Batch]] = []  # kept, so that nothing but close() closes them

    def __len__(self) -> int:
        return self.length

    def batches(self, epoch: int, start: int = 0, shard: Shard = WHOLE) -> Iterator[Batch]:
        self.made.append(self._batches(epoch, start))
        return self.made[-1]

    def _batches(self, epoch: int, start: int) -> Iterator[Batch]:
        empty = np.zeros((1, 1, 1, 1), np.uint8)
        try:
            for number in range(start, self.length):
                yield Batch(empty, empty[..., 0], (f"{epoch}/{number}",))
        finally:
            self.closed += 1


class Session:
    """Loss is 1 / (steps so far); its one weight counts steps, so that a snapshot tells where it was taken.

    Its confusion has as many wrong pixels as the numbers of its steps add up to.
    """

    def __init__(
        self, log: list[Any], bad_step: int | None = None, bad_weights: bool = False, averages: bool = False
    ) -> None:
        self.log, self.bad_step, self.bad_weights, self.averages = log, bad_step, bad_weights, averages
        self.taken, self.pending = 0, []

    def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
        yield from batches

    def step(self, batch: Batch, rate: float) -> None:
        self.taken += 1
        self.log.append((batch.keys[0], rate))
        self.pending.append(math.nan if self.taken == self.bad_step else 1 / self.taken)

    def drain(self) -> StepTally:
        losses, self.pending = np.array(self.pending), []
        steps = len(losses)
        wrong = sum(range(self.taken - steps + 1, self.taken + 1))
        return StepTally(losses, np.array([[steps, 0], [wrong, steps]]))

    def snapshot(self) -> TrainState:
        assert not self.pending, "a snapshot before the steps were read"
        weights = {"w": np.float32([math.inf if self.bad_weights else self.taken])}
        averages = {"w": weights["w"] / 2} if self.averages else {}
        return TrainState(weights, {}, self.taken, averages=averages)

    def restore(self, state: TrainState) -> None:
        self.taken = int(state.weights["w"][0])

    def close(self) -> None:
        pass


class Run:
    """Keeps checkpoints in memory, and says in the log when."""

    path = Path("run")

    def __init__(self, log: list[Any]) -> None:
        self.log, self.last, self.kept, self.best = log, None, None, []

    def save_last(self, checkpoint: Checkpoint) -> Path:
        self.log.append("last")
        self.last = checkpoint
        return self.path / "last"

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        self.log.append("best")
        self.best.append((epoch, metric, score))
        self.kept = checkpoint
        return self.path / "best"

    def configuration(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def load(self, which: str) -> Checkpoint:
        raise NotImplementedError

    def record(self, event: Event) -> None:
        raise NotImplementedError

    def rewind(self, epoch: int) -> None:
        raise NotImplementedError

    def metrics(self) -> Sequence[Mapping[str, float]]:
        raise NotImplementedError


class Clock:
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> str:
        return "2026-01-01T00:00:00Z"

    def seconds(self) -> float:
        self.time += 1.0
        return self.time


class World:
    """A loop with everything around it, and one log of all that happened."""

    def __init__(
        self,
        plan: LoopPlan = PLAN,
        *,
        scores: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0, 1.0),
        stop: Callable[[int], bool] = lambda steps: False,
        session: Mapping[str, Any] | None = None,
        length: int = BATCHES,
    ) -> None:
        self.log: list[Any] = []
        self.scores = iter(scores)
        self.session = Session(self.log, **(session or {}))
        self.run, self.batches = Run(self.log), Batches(length)
        self.loop = TrainingLoop(
            plan=plan,
            spec=SPEC,
            session=self.session,
            training=self.batches,
            validate=self._validate,
            run=self.run,
            clock=Clock(),
            emit=self.log.append,
            stop=lambda: stop(self.session.taken),
        )

    def _validate(self) -> EvalTally:
        """Class a always right, class b right in the part of the score, which is the loss as well."""
        self.log.append("validate")
        score = next(self.scores)
        right = round(score * 1000) if math.isfinite(score) else 0
        counts = [np.array([[500, 0], [0, 0]]), np.array([[500, 0], [1000 - right, right]])]
        return EvalTally(counts, np.full(2, score))

    @property
    def steps(self) -> list[tuple[str, float]]:
        return [entry for entry in self.log if isinstance(entry, tuple)]

    def events(self, kind: type) -> list[Any]:
        return [entry for entry in self.log if isinstance(entry, kind)]


def start(*, patience: int = 0, plateau: Plateau | None = None, mode: Mode = "max") -> Progress:
    return Progress(
        best=Best(mode), stopping=EarlyStopping(patience, mode=mode), counts=np.zeros((2, 2), np.int64), plateau=plateau
    )


def plan(**changes: Any) -> LoopPlan:
    return attrs.evolve(PLAN, **changes)


def test_every_batch_of_every_epoch_is_trained_on_once_and_in_order() -> None:
    world = World()
    end = world.loop(start())
    assert [key for key, _ in world.steps] == [f"{e}/{b}" for e in range(3) for b in range(BATCHES)]
    assert (end.epoch, end.step, end.loss_sum) == (3, 0, 0.0)
    assert world.batches.closed == 3


def test_things_happen_in_order_and_the_row_comes_before_the_checkpoint() -> None:
    world = World(plan(epochs=1, log_every=3))
    world.loop(start())
    kinds = ["step" if isinstance(e, tuple) else e if isinstance(e, str) else type(e) for e in world.log]
    assert kinds == [
        *["step"] * 3, StepsDone, *["step"] * 3, StepsDone, "validate", EpochDone,
        "best", CheckpointSaved, "last", CheckpointSaved,
    ]  # fmt: skip


@pytest.mark.parametrize("schedule", [Cosine(0.1), Exponential(0.5), WarmUp(Cosine(), 5)])
def test_rates_are_the_schedules_for_each_update(schedule: Schedule) -> None:
    world = World(plan(schedule=schedule))
    world.loop(start())
    total = 3 * BATCHES
    assert [rate for _, rate in world.steps] == [0.1 * schedule.rate(i, total, BATCHES) for i in range(total)]
    assert len({rate for _, rate in world.steps}) > BATCHES


def test_warm_up_rises_from_a_fraction_of_the_rate() -> None:
    world = World(plan(schedule=WarmUp(Constant(), 4), epochs=1))
    world.loop(start())
    assert [rate for _, rate in world.steps] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("warm", [False, True])
def test_a_plateau_falls_after_waiting_and_warm_up_stands_before_it(warm: bool) -> None:
    plateau = Plateau(factor=0.5, patience=0)
    schedule: Schedule = WarmUp(plateau, 2) if warm else plateau
    world = World(plan(schedule=schedule, epochs=4), scores=(0.5, 0.5, 0.6, 0.6))
    world.loop(start(plateau=plateau))
    of_epochs = [{r for key, r in world.steps[2:] if key.startswith(f"{e}/")} for e in range(4)]
    assert of_epochs == [{0.1}, {0.1}, {0.05}, {0.05}]
    assert [rate for _, rate in world.steps[:2]] == ([0.05, 0.1] if warm else [0.1, 0.1])


def test_accumulated_batches_share_a_rate_and_an_unfilled_update_is_left_out() -> None:
    world = World(plan(accumulate=4, schedule=Cosine(), epochs=2), length=10)
    assert world.loop.steps == 8
    world.loop(start())
    rates = [rate for _, rate in world.steps]
    assert len(rates) == 16
    assert rates == [0.1 * Cosine().rate(i // 4, 4, 2) for i in range(16)]


def test_losses_are_read_between_updates_only_even_where_logging_would_come_inside_of_one() -> None:
    for log_every, read_at in ((2, [4, 8, 12, 16, 20, 24]), (6, [8, 16, 24])):
        world = World(plan(accumulate=4, log_every=log_every, epochs=1), length=24)
        world.loop(start())
        assert [e.step for e in world.events(StepsDone)] == read_at


def test_progress_events_tell_the_mean_of_the_epoch_the_rate_and_the_speed() -> None:
    world = World(plan(epochs=1, log_every=4, schedule=Cosine()))
    world.loop(start())
    first, second = world.events(StepsDone)
    assert (first.epoch, first.step, first.steps) == (1, 4, 6)
    assert first.loss == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert second.loss == pytest.approx(sum(1 / i for i in range(1, 7)) / 6)
    assert second.rate == 0.1 * Cosine().rate(5, 6, 6)
    assert first.images_per_second == 4 * PLAN.batch / 1  # the clock moved once between start and report
    assert second.images_per_second == 6 * PLAN.batch / 2


def test_an_epoch_reports_training_and_validation_by_the_same_names() -> None:
    world = World(plan(epochs=1), scores=(0.25,))
    world.loop(start())
    (done,) = world.events(EpochDone)
    assert done.metrics["train_accuracy"] == pytest.approx(12 / (12 + 21))
    assert done.metrics["train_miou"] == pytest.approx((6 / (6 + 21) + 6 / (6 + 21)) / 2)
    assert done.metrics["train_loss"] == pytest.approx(sum(1 / i for i in range(1, 7)) / 6)
    of_a, of_b = 12 / (12 + 21), 12 / (12 + 21)  # Dice of both classes: 2 TP / (2 TP + FP + FN)
    assert done.metrics["train_f1"] == pytest.approx((of_a + of_b) / 2)
    assert done.metrics["train_precision"] == pytest.approx((6 / 27 + 1) / 2)
    assert done.metrics["train_recall"] == pytest.approx((1 + 6 / 27) / 2)
    assert done.metrics["val_iou_b"] == done.metrics["val_loss"] == 0.25
    assert tuple(done.metrics) == columns(SPEC.classes)
    assert done.metrics["val_miou"] == pytest.approx((1000 / 1750 + 0.25) / 2)
    assert done.improved


def test_a_monitored_loss_is_best_where_it_is_lowest_and_nan_never_is() -> None:
    world = World(plan(epochs=6, monitor="val_loss"), scores=(0.5, math.nan, 0.3, 0.3, math.inf, 0.4))
    plateau = Plateau(factor=0.5, patience=1, mode="min")
    end = world.loop(start(mode="min", plateau=plateau))
    assert world.run.best == [(1, "loss", 0.5), (3, "loss", 0.3)]
    assert [e.improved for e in world.events(EpochDone)] == [True, False, True, False, False, False]
    assert (end.best.epoch, end.best.score, end.stopping.waited) == (3, 0.3, 3)
    assert end.plateau is not None and end.plateau.scale == 0.5


def test_a_loss_that_rises_stops_a_run_that_monitors_it() -> None:
    world = World(plan(epochs=9, monitor="val_loss"), scores=(0.5, 0.6, 0.7, 0.4))
    assert world.loop(start(patience=2, mode="min")).epoch == 3


def test_the_loss_of_validation_weighs_images_and_leaves_out_those_without_a_pixel_that_counts() -> None:
    seen, unseen = np.eye(2, dtype=np.int64), np.zeros((2, 2), np.int64)
    tally = EvalTally([seen, seen, seen, unseen], np.array([0.2, 0.2, 0.5, 0.0]))
    assert tally.mean_loss == pytest.approx(0.3)
    assert math.isnan(EvalTally([unseen], np.zeros(1)).mean_loss)
    assert math.isnan(EvalTally([], np.zeros(0)).mean_loss)


def test_training_scores_are_of_their_own_epoch() -> None:
    world = World(plan(epochs=2))
    world.loop(start())
    _, second = world.events(EpochDone)
    assert second.metrics["train_accuracy"] == pytest.approx(12 / (12 + sum(range(7, 13))))
    assert second.metrics["train_loss"] == pytest.approx(sum(1 / i for i in range(7, 13)) / 6)


def test_the_earliest_of_equal_scores_stays_best() -> None:
    world = World(plan(epochs=4), scores=(0.5, 0.7, 0.7, 0.6))
    end = world.loop(start())
    assert [(epoch, metric) for epoch, metric, _ in world.run.best] == [(1, "miou"), (2, "miou")]
    assert end.best.epoch == 2
    assert [e.improved for e in world.events(EpochDone)] == [True, True, False, False]


def test_validation_comes_every_so_many_epochs_and_after_the_last() -> None:
    world = World(plan(epochs=5, validate_every=2))
    world.loop(start())
    rows = [e.metrics["val_miou"] for e in world.events(EpochDone)]
    assert [math.isfinite(score) for score in rows] == [False, True, False, True, True]
    assert world.log.count("validate") == 3
    assert world.log.count("last") == 5


def test_epochs_without_validation_do_not_count_as_waiting() -> None:
    world = World(plan(epochs=6, validate_every=2), scores=(0.5, 0.4, 0.6))
    assert world.loop(start(patience=2)).epoch == 6


def test_early_stopping_ends_the_run() -> None:
    world = World(plan(epochs=9), scores=(0.5, 0.6, 0.6, 0.5, 1.0))
    end = world.loop(start(patience=2))
    assert (end.epoch, end.best.epoch, end.stopping.stop) == (4, 2, True)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("stopped_after", range(1, 3 * BATCHES - 1))
def test_stopped_anywhere_and_resumed_it_does_what_it_would_have_done(stopped_after: int, accumulate: int) -> None:
    scores = (0.5, 0.5, 0.6)
    plateau = Plateau(factor=0.5, patience=0)
    chosen = plan(accumulate=accumulate, schedule=WarmUp(plateau, 3), log_every=4)
    whole = World(chosen, scores=scores)
    end = whole.loop(start(patience=9, plateau=plateau))

    first = World(chosen, scores=scores, stop=lambda steps: steps >= stopped_after)
    with pytest.raises(RunInterruptedError, match="--resume run"):
        first.loop(start(patience=9, plateau=plateau))
    assert first.run.last is not None and first.run.last.state is not None
    assert first.session.taken % accumulate == 0 and first.session.taken - stopped_after < 2 * accumulate
    second = World(chosen, scores=scores[first.log.count("validate") :])
    second.session.restore(first.run.last.state)
    resumed = second.loop(Progress.from_data(first.run.last.progress or {}))

    assert first.steps + second.steps == whole.steps
    assert first.events(EpochDone) + second.events(EpochDone) == [
        attrs.evolve(event, seconds=resumed_event.seconds)
        for event, resumed_event in zip(
            whole.events(EpochDone), first.events(EpochDone) + second.events(EpochDone), strict=True
        )
    ]
    assert first.run.best + second.run.best == whole.run.best
    for name in ("epoch", "step", "loss_sum", "best", "stopping", "plateau"):
        assert getattr(resumed, name) == getattr(end, name)


def test_an_interruption_saves_closes_and_says_so() -> None:
    world = World(stop=lambda steps: steps >= 3)
    with pytest.raises(RunInterruptedError, match="epoch 1, after 3 of 6 steps"):
        world.loop(start())
    assert isinstance(world.log[-1], RunFailed)
    assert world.log[-2:-4:-1][1] == "last"
    assert "validate" not in world.log
    assert world.batches.closed == 1


def test_asked_to_stop_after_the_last_update_of_an_epoch_it_still_finishes_the_epoch() -> None:
    world = World(plan(epochs=1), stop=lambda steps: steps >= BATCHES)
    assert world.loop(start()).epoch == 1


def test_asked_to_stop_where_an_epoch_is_one_update_it_stops_after_it() -> None:
    world = World(plan(epochs=3), length=1, stop=lambda steps: steps >= 2)
    with pytest.raises(RunInterruptedError, match="after epoch 2; the state is saved"):
        world.loop(start())
    assert world.run.last is not None and world.session.taken == 2
    assert world.log.count("last") == 2


def test_a_nan_loss_ends_the_run_and_leaves_the_good_checkpoint() -> None:
    world = World(session={"bad_step": BATCHES + 4})
    with pytest.raises(TrainingDivergedError, match="became nan in epoch 2, step 4") as caught:
        world.loop(start())
    assert "--rate" in caught.value.fix
    assert world.log.count("last") == 1
    assert world.run.last is not None and world.run.last.weights["w"][0] == BATCHES
    assert isinstance(world.log[-1], RunFailed)


def test_a_nan_just_before_an_interruption_is_not_saved_either() -> None:
    world = World(session={"bad_step": 3}, stop=lambda steps: steps >= 3)
    with pytest.raises(TrainingDivergedError):
        world.loop(start())
    assert world.run.last is None


@pytest.mark.parametrize("stopping", [False, True])
def test_weights_that_are_not_finite_are_never_saved(stopping: bool) -> None:
    world = World(session={"bad_weights": True}, stop=lambda steps: stopping and steps >= 2)
    with pytest.raises(TrainingDivergedError, match=r"weights are not finite .* epoch 1"):
        world.loop(start())
    assert world.run.last is None and world.run.best == []


@pytest.mark.parametrize("averages", [False, True])
def test_what_is_kept_are_the_averages_where_there_are_any_and_the_state_has_both(averages: bool) -> None:
    world = World(plan(epochs=1), session={"averages": averages})
    world.loop(start())
    for checkpoint in (world.run.kept, world.run.last):
        assert checkpoint.weights["w"][0] == (BATCHES / 2 if averages else BATCHES)
        assert checkpoint.state.weights["w"][0] == BATCHES
        assert bool(checkpoint.state.averages) == averages


def test_progress_survives_json_exactly() -> None:
    import json

    progress = attrs.evolve(
        start(patience=3, plateau=Plateau(patience=2)).stepped(StepTally(np.array([0.1, 1 / 3]), np.eye(2, dtype=int))),
        epoch=4,
        best=Best("max").observe(2, 1 / 7),
    )
    data = json.loads(json.dumps(progress.to_data()))
    assert Progress.from_data(data).to_data() == progress.to_data()
    assert Progress.from_data(data).plateau == Plateau(patience=2)


@pytest.mark.parametrize("missing", ["epoch", "loss_sum", "best", "counts"])
def test_damaged_progress_is_a_checkpoint_error(missing: str) -> None:
    data = start().to_data()
    del data[missing]
    with pytest.raises(CheckpointError, match=missing):
        Progress.from_data(data)


def test_count_all_feeds_the_whole_source_once() -> None:
    class Evaluator:
        def __init__(self) -> None:
            self.seen: list[str] = []
            self.feeds = 0

        def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
            self.feeds += 1
            yield from batches

        def tally(self, batch: Batch) -> None:
            self.seen += batch.keys

        def drain(self) -> EvalTally:
            return EvalTally([np.eye(2, dtype=np.int64) for _ in self.seen], np.ones(len(self.seen)))

        def masks(self, batch: Any) -> np.ndarray:
            raise NotImplementedError

        def probabilities(self, batch: Any) -> np.ndarray:
            raise NotImplementedError

        def close(self) -> None:
            pass

    session = Evaluator()
    assert len(count_all(session, Batches()).counts) == BATCHES
    assert session.feeds == 1 and session.seen == [f"0/{i}" for i in range(BATCHES)]


def test_an_epoch_whose_validation_loss_is_not_finite_is_never_the_best() -> None:
    """Its logits are not either, and what their masks score is luck."""
    world = World(plan(epochs=2, monitor="val_miou"), scores=(math.nan, 0.5))
    world.loop(start())
    assert [e.improved for e in world.events(EpochDone)] == [False, True]
