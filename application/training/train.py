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
from ...domain.ports.dataset import Batcher, Dataset
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
        weights = initialise(parts.spec.graph, settings.seed)
        model = parts.backend.build(parts.spec, weights, device=settings.device, precision=settings.precision)
        path = settings.run or self.runs.unused(dataset.info.name)
        run = self.runs.create(path, self._configuration(recipe, dataset, model))
        return self._train(settings, parts, dataset, model, run, _start(parts, settings), listen, stop)

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
        weights, progress, state = _left_at(run, parts, settings)
        if progress.epoch >= parts.loop.epochs or progress.stopping.stop:
            raise CheckpointError(f"The run in {path} is finished, after {progress.epoch} epochs.")
        model = parts.backend.build(parts.spec, weights, device=settings.device, precision=settings.precision)
        run.rewind(progress.epoch)
        return self._train(settings, parts, dataset, model, run, progress, listen, stop, state)

    def _train(
        self,
        settings: TrainSettings,
        parts: Parts,
        dataset: Dataset,
        model: Model,
        run: Run,
        progress: Progress,
        listen: Listener,
        stop: Callable[[], bool],
        state: TrainState | None = None,
    ) -> TrainReport:
        began = self.clock.seconds()

        def emit(event: Event) -> None:
            run.record(event)
            listen(event)

        training = self.batcher.training(dataset.split("train"), parts.training)
        validation = self.batcher.viewing(dataset.split("val"), parts.viewing)
        with ExitStack() as stack:
            session = parts.backend.trainer(model, parts.step)
            stack.callback(session.close)
            if state is not None:
                session.restore(state)
            evaluator = parts.backend.evaluator(model)
            stack.callback(evaluator.close)
            loop = TrainingLoop(
                plan=parts.loop,
                spec=parts.spec,
                session=session,
                training=training,
                validate=lambda: count_all(evaluator, validation),
                run=run,
                clock=self.clock,
                emit=emit,
                stop=stop,
            )
            facts = {"device": model.device, "precision": model.precision, "backend": parts.backend.name}
            emit(RunStarted(str(run.path), parts.loop.epochs, loop.steps, progress.epoch, facts))
            progress = loop(progress)
        curves = run.path / "plots" / "training.png"
        self.reporter.training_curves(run.metrics(), curves, monitor=parts.loop.monitor)
        reason = "early stopping" if progress.stopping.stop else "all epochs done"
        report = TrainReport(
            run=run.path,
            epochs=progress.epoch,
            best_epoch=progress.best.epoch,
            best_score=progress.best.score,
            monitor=settings.monitor,
            reason=reason,
            seconds=self.clock.seconds() - began,
            device=model.device,
            precision=model.precision,
            curves=curves,
        )
        emit(
            RunFinished(
                str(run.path),
                report.epochs,
                report.best_epoch,
                report.best_score,
                report.monitor,
                reason,
                report.seconds,
            )
        )
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


def _left_at(run: Run, parts: Parts, settings: TrainSettings) -> tuple[Weights, Progress, TrainState | None]:
    """Where a run was left; its very start when it was stopped before its first checkpoint."""
    last = run.last()
    if last is None:
        return initialise(parts.spec.graph, settings.seed), _start(parts, settings), None
    if last.state is None or last.progress is None:
        raise CheckpointError(f"{run.path} holds no training state to go on from.", fix="Start a new run.")
    return last.weights, Progress.from_data(last.progress), last.state


def _start(parts: Parts, settings: TrainSettings) -> Progress:
    schedule = parts.loop.schedule
    inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
    classes = len(parts.spec.classes)
    return Progress(
        best=Best("max"),
        stopping=EarlyStopping(patience=settings.patience or 0, mode="max"),
        counts=np.zeros((classes, classes), np.int64),
        plateau=inner if isinstance(inner, Plateau) else None,
    )
