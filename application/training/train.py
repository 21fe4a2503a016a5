"""The service that trains: data set and settings in, a run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen

from ...domain.architecture.weights import Weights, initialise
from ...domain.errors import CheckpointError, DataError
from ...domain.events import Event, RunFinished, RunStarted
from ...domain.ports.backend import TrainState
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.checkpoints import Run, RunStore
from ...domain.ports.clock import Clock
from ...domain.ports.configuration import SettingsCodec
from ...domain.ports.dataset import Batcher, BatchSource, Dataset
from ...domain.ports.model import Model
from ...domain.ports.preparing import DatasetStore
from ...domain.ports.reporting import Reporter
from ...domain.training.plateau import Plateau
from ...domain.training.schedules import WarmUp
from ...domain.training.selection import Best
from ...domain.training.stopping import EarlyStopping
from ..settings import TrainSettings
from .loop import TrainingLoop, count_all
from .parts import Parts, assemble
from .progress import Progress
from .recipe import Recipe, derive

Listener = Callable[[Event], None]


@frozen
class TrainReport:
    """How a run ended. ``best_score`` is of the monitored metric on the validation split."""

    run: Path
    epochs: int
    best_epoch: int
    best_score: float
    monitor: str
    reason: str
    seconds: float
    device: str
    precision: str
    curves: Path


def _nobody(event: Event) -> None:
    """Listens to nothing."""


def _never() -> bool:
    return False


@frozen(eq=False)
class _Stage:
    """A run about to begin, or to go on: everything is checked and open."""

    parts: Parts
    model: Model
    training: BatchSource
    validation: BatchSource
    run: Run
    progress: Progress
    state: TrainState | None = None


@frozen
class TrainModel:
    """Trains a model; embeddable, prints nothing.

    Call it with settings, or ``resume`` with a run's folder. ``listen`` hears every event, ``stop`` is asked between
    updates whether to save and end, and may be answered from another thread.
    """

    catalogue: Catalogue
    datasets: DatasetStore
    runs: RunStore
    batcher: Batcher
    clock: Clock
    codec: SettingsCodec
    reporter: Reporter
    facts: Callable[[], Mapping[str, str]] = field(default=dict)

    def plan(self, settings: TrainSettings) -> Recipe:
        """Complete settings with the reasons for what was derived. Raises as a run would for names and values."""
        dataset = self.datasets.open(settings.data)
        recipe = derive(dataset.info, settings)
        assemble(self.catalogue, recipe.settings, dataset.info, dataset.classes)
        return recipe

    def __call__(
        self, settings: TrainSettings, *, listen: Listener = _nobody, stop: Callable[[], bool] = _never
    ) -> TrainReport:
        """Trains from scratch.

        Raises InvalidSpecError or UnknownNameError for settings (all problems at once), DataError for the data set,
        BackendUnavailableError, CheckpointError where the folder already holds a run, TrainingDivergedError, and
        RunInterruptedError when ``stop`` said so.
        """
        dataset = self.datasets.open(settings.data)
        recipe = derive(dataset.info, settings)
        settings = recipe.settings
        parts = assemble(self.catalogue, settings, dataset.info, dataset.classes)
        training, validation = self._batches(dataset, parts)
        weights = initialise(parts.spec.graph, settings.seed)
        model = parts.backend.build(parts.spec, weights, device=settings.device, precision=settings.precision)
        path = settings.run or self.runs.unused(dataset.info.name)
        run = self.runs.create(path, self._configuration(recipe, dataset, model))
        return self._train(_Stage(parts, model, training, validation, run, _beginning(parts)), listen, stop)

    def resume(self, path: Path, *, listen: Listener = _nobody, stop: Callable[[], bool] = _never) -> TrainReport:
        """Goes on where a run was left, as if it had never been interrupted.

        Raises CheckpointError when there is nothing to go on with, DataError when the data set has changed since.
        """
        run = self.runs.open(path)
        configuration = run.configuration()
        settings = self.codec.from_values(TrainSettings, configuration["train"], where=f"{path}/run.toml")
        dataset = self.datasets.open(settings.data)
        if dataset.info.fingerprint != configuration["dataset"]["fingerprint"]:
            raise DataError(
                f"The data set {settings.data} is not the one that {path} was trained on: its fingerprint differs.",
                fix="Prepare it again as it was, or start a new run.",
            )
        parts = assemble(self.catalogue, settings, dataset.info, dataset.classes)
        training, validation = self._batches(dataset, parts)
        weights, progress, state = _left_at(run, parts, settings.seed)
        if progress.epoch >= parts.loop.epochs or progress.stopping.stop:
            raise CheckpointError(f"The run in {path} is finished, after {progress.epoch} epochs.")
        model = parts.backend.build(parts.spec, weights, device=settings.device, precision=settings.precision)
        run.rewind(progress.epoch)
        return self._train(_Stage(parts, model, training, validation, run, progress, state), listen, stop)

    def _batches(self, dataset: Dataset, parts: Parts) -> tuple[BatchSource, BatchSource]:
        """For training and for validation. Raises DataError when a split is missing."""
        training = self.batcher.training(dataset.split("train"), parts.training)
        return training, self.batcher.viewing(dataset.split("val"), parts.viewing)

    def _train(self, stage: _Stage, listen: Listener, stop: Callable[[], bool]) -> TrainReport:
        began = self.clock.seconds()
        parts, model, run = stage.parts, stage.model, stage.run

        def emit(event: Event) -> None:
            run.record(event)
            listen(event)

        with ExitStack() as stack:
            session = parts.backend.trainer(model, parts.step)
            stack.callback(session.close)
            if stage.state is not None:
                session.restore(stage.state)
            evaluator = parts.backend.evaluator(model)
            stack.callback(evaluator.close)
            loop = TrainingLoop(
                plan=parts.loop,
                spec=parts.spec,
                session=session,
                training=stage.training,
                validate=lambda: count_all(evaluator, stage.validation),
                run=run,
                clock=self.clock,
                emit=emit,
                stop=stop,
            )
            facts = {"device": model.device, "precision": model.precision, "backend": parts.backend.name}
            emit(RunStarted(str(run.path), parts.loop.epochs, loop.steps, stage.progress.epoch, facts))
            progress = loop(stage.progress)
        curves = run.path / "plots" / "training.png"
        self.reporter.training_curves(run.metrics(), curves, monitor=parts.loop.monitor)
        report = TrainReport(
            run=run.path,
            epochs=progress.epoch,
            best_epoch=progress.best.epoch,
            best_score=progress.best.score,
            monitor=parts.loop.monitor.removeprefix("val_"),
            reason="early stopping" if progress.stopping.stop else "all epochs done",
            seconds=self.clock.seconds() - began,
            device=model.device,
            precision=model.precision,
            curves=curves,
        )
        emit(_finished(report))
        return report

    def _configuration(self, recipe: Recipe, dataset: Dataset, model: Model) -> dict[str, Any]:
        return {
            "format": 1,
            "started": self.clock.now(),
            "train": self.codec.to_values(attrs.evolve(recipe.settings, data=recipe.settings.data.absolute())),
            "reasons": dict(recipe.reasons),
            "dataset": {"name": dataset.info.name, "fingerprint": dataset.info.fingerprint},
            "compute": {"device": model.device, "precision": model.precision},
            "environment": dict(self.facts()),
        }


def _left_at(run: Run, parts: Parts, seed: int) -> tuple[Weights, Progress, TrainState | None]:
    """Where a run was left; its very beginning when it was stopped before its first checkpoint."""
    last = run.last()
    if last is None:
        return initialise(parts.spec.graph, seed), _beginning(parts), None
    if last.state is None or last.progress is None:
        raise CheckpointError(f"{run.path} holds no training state to go on from.", fix="Start a new run.")
    return last.weights, Progress.from_data(last.progress), last.state


def _beginning(parts: Parts) -> Progress:
    schedule = parts.loop.schedule
    inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
    classes = len(parts.spec.classes)
    return Progress(
        best=Best("max"),
        stopping=EarlyStopping(patience=parts.loop.patience, mode="max"),
        counts=np.zeros((classes, classes), np.int64),
        plateau=inner if isinstance(inner, Plateau) else None,
    )


def _finished(report: TrainReport) -> RunFinished:
    return RunFinished(
        run=str(report.run),
        epochs=report.epochs,
        best_epoch=report.best_epoch,
        best_score=report.best_score,
        monitor=report.monitor,
        reason=report.reason,
        seconds=report.seconds,
    )
