"""The service that trains: data set and settings in, a run out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...domain import html
from ...domain.architecture.weights import Weights, fingerprint
from ...domain.choices import Choice
from ...domain.errors import CheckpointError, DamagedCheckpointError
from ...domain.events import Event, RunFinished, RunMended, RunStarted, WeightsTransferred
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.checkpoints import Run, RunStore
from ...domain.ports.clock import Clock
from ...domain.ports.configuration import SettingsCodec
from ...domain.ports.dataset import Batcher, BatchSource, Dataset
from ...domain.ports.hub import WeightHub
from ...domain.ports.model import Model
from ...domain.ports.preparing import DatasetStore
from ...domain.ports.reporting import Reporter, Table
from ..listening import EventListener, Stop, never, nobody
from ..memory import enough_to_train
from ..natives import framework_of, without_encoder
from ..settings import TrainSettings
from ..streaming import stream
from .loop import TrainingLoop, count_all
from .parts import Parts, assemble
from .progress import Progress
from .recipe import Recipe, derive
from .recorded import placed, recorded, require_same_data, with_compute
from .sources import Source, Sources
from .start import Start, beginning, left_at
from .tracking import Trackers


@frozen
class TrainReport:
    """How a run ended. ``best_score`` is of the monitored metric on the validation split.

    ``transferred`` tells which weights came from ``init_from``, where training began with them.
    """

    run: Path
    epochs: int
    best_epoch: int
    best_score: float
    monitor: str
    reason: str
    seconds: float
    backend: str
    device: str
    precision: str
    curves: Path
    transferred: WeightsTransferred | None = None

    def _repr_html_(self) -> str:
        """In a notebook: how it went, in one table."""
        how = f"{self.backend} on {self.device}, {self.precision}"
        best = f"{self.best_score:.4f} {self.monitor}, after epoch {self.best_epoch} of {self.epochs}"
        rows = (("best", best), ("ended", self.reason), ("time", f"{self.seconds:.1f} s"), ("computed by", how))
        return html.shown(str(self.run), html.table(Table(("training", ""), rows)))


@frozen(eq=False)
class _Stage:
    """A run about to begin, or to go on: everything is checked and open."""

    parts: Parts
    model: Model
    training: BatchSource
    validation: BatchSource
    run: Run
    start: Start
    backend: str
    before: str = ""
    mended: tuple[str, ...] = ()


@frozen(eq=False)
class _Plan:
    """Settings, complete and checked, with what they were derived from."""

    dataset: Dataset
    recipe: Recipe
    parts: Parts
    source: Source | None


@frozen
class TrainModel:
    """Trains a model; embeddable, prints nothing.

    Call it with settings, or ``resume`` with a run's folder. ``listen`` hears every event, ``stop`` is asked between
    updates whether to save and end, and may be answered from another thread.
    """

    catalogue: Catalogue
    datasets: DatasetStore
    runs: RunStore
    hub: WeightHub
    batcher: Batcher
    clock: Clock
    codec: SettingsCodec
    reporter: Reporter
    facts: Callable[[], Mapping[str, str]] = field(default=dict)

    def plan(self, settings: TrainSettings) -> Recipe:
        """Complete settings with the reasons for what was derived.

        Raises as a run would: for names and values, and for weights to begin with that cannot be read or do not match.
        """
        plan = self._planned(settings)
        if plan.source is not None:
            beginning(plan.parts, plan.recipe.settings, plan.source)
        return plan.recipe

    def __call__(self, settings: TrainSettings, *, listen: EventListener = nobody, stop: Stop = never) -> TrainReport:
        """Trains, from seeded weights or those of ``init_from``.

        Raises InvalidSpecError or UnknownNameError for settings (all problems at once), DataError for the data set,
        BackendUnavailableError, CheckpointError where the folder already holds a run, another training goes on there,
        or ``init_from`` cannot be used, TrainingDivergedError, OutOfMemoryError, and RunInterruptedError when
        ``stop`` said so.
        """
        plan = self._planned(settings)
        path = plan.recipe.settings.run or self.runs.unused(plan.dataset.info.name)
        with self.runs.claim(path):
            return self._train(self._begun(plan, path), listen, stop)

    def resume(self, path: Path, *, listen: EventListener = nobody, stop: Stop = never, **compute: Any) -> TrainReport:
        """Goes on where a run was left, as if it had never been interrupted.

        Args:
            path: the run's folder.
            listen: hears every event.
            stop: asked between updates whether to save and end.
            compute: settings of the group "Compute", where the rest is to be computed in another way: ``backend="tf"``,
                ``device="cpu"`` ... Then the end is that of an undisturbed run but for rounding.

        Raises CheckpointError when there is nothing to go on with or another training goes on there, DataError when
        the data set has changed since, InvalidSpecError for any other setting in ``compute``.
        """
        self.runs.open(path)
        with self.runs.claim(path) as before:
            return self._train(self._reopened(path, compute, before), listen, stop)

    def _begun(self, plan: _Plan, path: Path) -> _Stage:
        parts, settings = plan.parts, plan.recipe.settings
        training, validation = self._batches(plan.dataset, parts)
        start = beginning(parts, settings, plan.source)
        model = _built(parts, settings, start.weights)
        run = self.runs.create(path, self._configuration(plan, model, start))
        return _Stage(parts, model, training, validation, run, start, _written(parts, settings))

    def _reopened(self, path: Path, compute: Mapping[str, Any], before: str) -> _Stage:
        """``before`` is who trained there and died of it."""
        run = self.runs.open(path)
        configuration = run.configuration()
        values, fingerprinted = recorded(configuration, f"{path}/run.toml")
        settings = with_compute(self.codec, values, compute, where=f"{path}/run.toml")
        dataset = self.datasets.open(settings.data)
        require_same_data(dataset.info, fingerprinted, settings.data, path)
        parts = assemble(self.catalogue, settings, dataset.info, dataset.classes)
        training, validation = self._batches(dataset, parts)
        start = left_at(run, parts, settings, Sources(self.runs, self.hub))
        # Killed between its last checkpoint and its end, a run has its curves yet to be drawn.
        if start.progress.ended(parts.loop.epochs) and run.finished():
            raise CheckpointError(f"The run in {path} is finished, after {start.progress.epoch} epochs.")
        model = _built(parts, settings, start.weights)
        mended = tuple(filter(None, (start.recovered, run.rewind(start.progress.epoch))))
        return _Stage(parts, model, training, validation, run, start, _written(parts, settings), before, mended)

    def events(self, what: TrainSettings | Path, *, stop: Stop = never) -> Generator[Event, None, TrainReport]:
        """The events of a training, which runs in a thread of its own and does not wait for who reads them.

        Args:
            what: settings of a new run, or the folder of one to go on with.
            stop: as of a call.

        The generator's value is the report; errors are raised where they happen. Closing it (``with closing(...)``)
        stops the training and returns when its state is saved; the run can then be resumed.
        """
        if isinstance(what, TrainSettings):
            return stream(lambda listen, ends: self(what, listen=listen, stop=ends), stop)
        return stream(lambda listen, ends: self.resume(what, listen=listen, stop=ends), stop)

    def finished(self, path: Path) -> bool:
        """Whether the run in a folder has come to its end. Raises CheckpointError where there is no run."""
        run = self.runs.open(path)
        values, _ = recorded(run.configuration(), f"{path}/run.toml")
        try:
            progress = Progress.of(run)
        except DamagedCheckpointError:
            return False  # a resume goes on from the one before
        return progress is not None and progress.ended(int(values["epochs"])) and run.finished()

    def require_trained_on(self, data: Path, path: Path) -> None:
        """Raises DataError where the run in a folder was trained on other data."""
        _, fingerprinted = recorded(self.runs.open(path).configuration(), f"{path}/run.toml")
        require_same_data(self.datasets.open(data).info, fingerprinted, data, path)

    def _planned(self, settings: TrainSettings) -> _Plan:
        dataset = self.datasets.open(settings.data)
        sources = Sources(self.runs, self.hub)
        source = sources.given(settings)
        recipe = self._fitting(derive(dataset.info, settings, source.spec if source else None))
        parts = assemble(self.catalogue, recipe.settings, dataset.info, dataset.classes)
        return _Plan(dataset, recipe, parts, source or sources.complete(recipe.settings))

    def _fitting(self, recipe: Recipe) -> Recipe:
        """Without an encoder, where the model is one framework's own code."""
        assert recipe.settings.model
        if not framework_of(self.catalogue, recipe.settings.model):
            return recipe
        settings = without_encoder(recipe.settings, derived="encoder" in recipe.reasons)
        return Recipe(settings, {name: reason for name, reason in recipe.reasons.items() if name != "encoder"})

    def _batches(self, dataset: Dataset, parts: Parts) -> tuple[BatchSource, BatchSource]:
        """For training and for validation. Raises DataError when a split is missing."""
        training = self.batcher.training(dataset.split("train"), parts.training)
        return training, self.batcher.viewing(dataset.split("val"), parts.viewing)

    def _train(self, stage: _Stage, listen: EventListener, stop: Stop) -> TrainReport:
        trackers = Trackers(stage.parts.trackers, stage.run.path)

        def emit(event: Event) -> None:
            stage.run.record(event)
            failed = trackers.handle(event)
            listen(event)
            for failure in failed:
                emit(failure)

        try:
            with enough_to_train(stage.parts.backend, stage.parts.training):
                return self._run(stage, emit, stop)
        finally:
            for failure in trackers.close():
                emit(failure)

    def _run(self, stage: _Stage, emit: EventListener, stop: Stop) -> TrainReport:
        began = self.clock.seconds()
        parts, model, run = stage.parts, stage.model, stage.run
        with ExitStack() as stack:
            session = parts.backend.trainer(model, parts.step)
            stack.callback(session.close)
            if stage.start.state is not None:
                session.restore(stage.start.state)
            evaluator = parts.backend.evaluator(session.result, parts.step)
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
            facts = {"device": model.device, "precision": model.precision, "backend": stage.backend}
            facts |= {"taken over from": stage.before} if stage.before else {}
            emit(RunStarted(str(run.path), parts.loop.epochs, loop.steps, stage.start.progress.epoch, facts))
            for what in stage.mended:
                emit(RunMended(str(run.path), what))
            if stage.start.transferred is not None:
                emit(stage.start.transferred)
            progress = loop(stage.start.progress)
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
            backend=stage.backend,
            device=model.device,
            precision=model.precision,
            curves=curves,
            transferred=stage.start.transferred,
        )
        emit(_finished(report))
        return report

    def _configuration(self, plan: _Plan, model: Model, start: Start) -> dict[str, Any]:
        info = plan.dataset.info
        tables: dict[str, Any] = {
            "format": 1,
            "started": self.clock.now(),
            "train": self.codec.to_values(placed(plan.recipe.settings)),
            "reasons": dict(plan.recipe.reasons),
            "dataset": {"name": info.name, "fingerprint": info.fingerprint},
            "compute": {"device": model.device, "precision": model.precision},
            "environment": dict(self.facts()),
        }
        # Stopped before its first checkpoint, a run begins again: then from the same weights or not at all.
        return {**tables, "start": {"fingerprint": fingerprint(start.weights)}} if plan.source else tables


def _built(parts: Parts, settings: TrainSettings, weights: Weights) -> Model:
    with enough_to_train(parts.backend, parts.training):
        return parts.backend.build(parts.spec, weights, device=settings.device, precision=settings.precision)


def _written(parts: Parts, settings: TrainSettings) -> str:
    """The backend as users write it, under its own name: "tensorflow:jit_compile=true"."""
    return str(Choice(parts.backend.name, settings.backend.options))


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
