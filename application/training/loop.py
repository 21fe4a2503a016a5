"""The only training loop there is. Backends own a step; this owns epochs, rates, validation and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from math import isfinite, nan

import attrs
import numpy as np
from attrs import field, frozen

from ...domain.errors import DataError, RunInterruptedError, SegportError, TrainingDivergedError, in_one_line
from ...domain.events import CheckpointSaved, EpochDone, Event, RunFailed, StepsDone
from ...domain.ports.backend import EvalSession, EvalTally, TrainSession
from ...domain.ports.checkpoints import Checkpoint, Run
from ...domain.ports.clock import Clock
from ...domain.ports.dataset import BatchSource
from ...domain.spec import ModelSpec
from ...domain.training.schedules import Schedule, WarmUp
from ...domain.training.selection import Mode, better
from .progress import Progress
from .scoring import epoch_metrics


@frozen
class LoopPlan:
    """What the loop needs to know, all resolved. In the first ``frozen_epochs`` the encoder stays as it is."""

    epochs: int
    batch: int
    rate: float
    schedule: Schedule
    accumulate: int
    monitor: str
    validate_every: int
    log_every: int
    patience: int = 0
    frozen_epochs: int = 0

    @property
    def mode(self) -> Mode:
        """Whether the monitored number is to rise or to fall."""
        return better(self.monitor)


@frozen(eq=False)
class TrainingLoop:
    """Trains from a progress to the end of the plan, or until asked to stop.

    Args:
        emit: hears every event.
        stop: asked between updates whether to save and end.
    """

    plan: LoopPlan
    spec: ModelSpec
    session: TrainSession
    training: BatchSource
    validate: Callable[[], EvalTally]
    run: Run
    clock: Clock
    emit: Callable[[Event], None]
    stop: Callable[[], bool]
    steps: int = field(init=False)

    @steps.default
    def _whole_updates(self) -> int:
        """Batches of an epoch: the last ones that would not fill an update are left out."""
        return len(self.training) // self.plan.accumulate * self.plan.accumulate

    def __call__(self, progress: Progress) -> Progress:
        """Runs to the end. Raises RunInterruptedError or TrainingDivergedError, the state saved while it is good.

        Whatever else is raised inside, by data, backend or a listener, passes through.
        """
        try:
            while not progress.ended(self.plan.epochs):
                progress = self._epoch(progress)
                if not progress.ended(self.plan.epochs) and self.stop():
                    raise self._interruption(f"Stopped after epoch {progress.epoch}")
        except Exception as error:
            self._failed(progress, error)
            raise
        return progress

    def _failed(self, progress: Progress, error: Exception) -> None:
        """Tells of it; whoever cannot hear that must not hide what happened."""
        reason = error.message if isinstance(error, SegportError) else in_one_line(error)
        if isinstance(error, DataError):
            error.fix = f"{error.fix}\nThen go on with: segport train --resume {self.run.path}".strip()
        with suppress(Exception):
            self.emit(RunFailed(str(self.run.path), progress.epoch, reason))

    def _epoch(self, progress: Progress) -> Progress:
        began = self.clock.seconds()
        if self.plan.frozen_epochs:
            self.session.freeze(progress.epoch < self.plan.frozen_epochs)
        progress = self._train(progress)
        rate = self._rate(progress, self.steps - 1)
        validated = (progress.epoch + 1) % self.plan.validate_every == 0 or progress.epoch + 1 == self.plan.epochs
        metrics = epoch_metrics(progress, self.validate() if validated else None, self.spec.classes)
        # Of logits that are not finite the loss is not either; whatever their masks happen to score, it is luck.
        score = metrics[self.plan.monitor] if isfinite(metrics["val_loss"]) else nan
        if validated:
            progress = self._judge(progress, score)
        improved = validated and progress.best.epoch == progress.epoch + 1
        # The row comes before the checkpoint: killed in between, a resume drops the row and writes it again.
        self.emit(EpochDone(progress.epoch + 1, metrics, rate, self.clock.seconds() - began, improved))
        self._save(progress.next_epoch(), score if improved else None)
        return progress.next_epoch()

    def _train(self, progress: Progress) -> Progress:
        batches = self.training.batches(progress.epoch, progress.step)
        began, done = self.clock.seconds(), progress.step
        fed = self.session.feed(islice(batches, self.steps - progress.step))
        try:
            while progress.step < self.steps:
                progress, stopped = self._some_steps(progress, fed)
                self._report(progress, done, self.clock.seconds() - began)
                if stopped:
                    self._interrupt(progress)
        finally:
            _close(fed, batches)
        return progress

    def _some_steps(self, progress: Progress, fed: Iterator[object]) -> tuple[Progress, bool]:
        """Updates up to the next reading, or until asked to stop; tells whether it was."""
        accumulate = self.plan.accumulate
        every = -(-self.plan.log_every // accumulate) * accumulate
        end = min(self.steps, (progress.step // every + 1) * every)
        stopped = False
        for first in range(progress.step, end, accumulate):
            rate = self._rate(progress, first)
            for _ in range(accumulate):
                self.session.step(next(fed), rate)
            stopped = first + accumulate < self.steps and self.stop()
            if stopped:
                break
        tally = self.session.drain()
        bad = np.flatnonzero(~np.isfinite(tally.losses))
        if len(bad):
            step = progress.step + bad[0] + 1
            raise self._divergence(
                f"The loss became {tally.losses[bad[0]]} in epoch {progress.epoch + 1}, step {step}."
            )
        progress = progress.stepped(tally)
        return progress, stopped

    def _rate(self, progress: Progress, step: int) -> float:
        per_epoch = self.steps // self.plan.accumulate
        update = progress.epoch * per_epoch + step // self.plan.accumulate
        return self.plan.rate * self._schedule(progress).rate(update, self.plan.epochs * per_epoch, per_epoch)

    def _schedule(self, progress: Progress) -> Schedule:
        """The plan's; a plateau's memory is part of the progress."""
        planned = self.plan.schedule
        if progress.plateau is None:
            return planned
        return attrs.evolve(planned, schedule=progress.plateau) if isinstance(planned, WarmUp) else progress.plateau

    @staticmethod
    def _judge(progress: Progress, score: float) -> Progress:
        return attrs.evolve(
            progress,
            best=progress.best.observe(progress.epoch + 1, score),
            stopping=progress.stopping.observe(score),
            plateau=progress.plateau.observe(score) if progress.plateau else None,
        )

    def _save(self, progress: Progress, best_score: float | None) -> None:
        state = self.session.snapshot()
        if not all(np.isfinite(weight).all() for weight in state.weights.values()):
            when = f"epoch {progress.epoch + 1}, step {progress.step}" if progress.step else f"epoch {progress.epoch}"
            raise self._divergence(f"The weights are not finite after {when}.")
        checkpoint = Checkpoint(self.spec, state.averages or state.weights, state, progress.to_data())
        if best_score is not None:
            path = self.run.save_best(
                checkpoint, epoch=progress.epoch, metric=self.plan.monitor.removeprefix("val_"), score=best_score
            )
            self.emit(CheckpointSaved(progress.epoch, str(path), best=True))
        path = self.run.save_last(checkpoint)
        self.emit(CheckpointSaved(progress.epoch, str(path), best=False))

    def _interrupt(self, progress: Progress) -> None:
        self._save(progress, None)
        raise self._interruption(f"Stopped in epoch {progress.epoch + 1}, after {progress.step} of {self.steps} steps")

    def _interruption(self, stopped: str) -> RunInterruptedError:
        return RunInterruptedError(
            f"{stopped}; the state is saved.",
            fix=f"Go on with: segport train --resume {self.run.path}",
        )

    def _divergence(self, message: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            message,
            fix=f"What was saved before is kept: {self.run.path}. Try a smaller --rate, --clip 1 or --precision fp32.",
        )

    def _report(self, progress: Progress, first: int, seconds: float) -> None:
        images = (progress.step - first) * self.plan.batch
        self.emit(
            StepsDone(
                epoch=progress.epoch + 1,
                step=progress.step,
                steps=self.steps,
                loss=progress.mean_loss,
                rate=self._rate(progress, progress.step - 1),
                images_per_second=images / seconds if seconds > 0 else float("nan"),
            )
        )


def count_all(session: EvalSession, source: BatchSource) -> EvalTally:
    """Per-image confusions and losses of every batch of a source, at the batches' own size."""
    batches = source.batches(0)
    fed = session.feed(batches)
    try:
        for batch in fed:
            session.tally(batch)
    finally:
        _close(fed, batches)
    return session.drain()


def _close(*iterators: object) -> None:
    """Ends the threads of those that have any, now and not when nobody remembers them any more."""
    for iterator in iterators:
        getattr(iterator, "close", lambda: None)()
