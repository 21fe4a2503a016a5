"""The service that evaluates: a trained model on a split, at native resolution, by the one judge."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np
from attrs import frozen

from ..domain import html
from ..domain.arrays import Counts, Image
from ..domain.classes import ClassMap
from ..domain.metrics.aggregation import evaluate
from ..domain.metrics.agreement import PixelAccuracy
from ..domain.metrics.bootstrap import Interval
from ..domain.metrics.calibration import Calibration
from ..domain.metrics.definitions import definitions
from ..domain.metrics.logits import LogitCounts
from ..domain.metrics.overlap import ForegroundIoU, MeanIoU
from ..domain.metrics.planes import kind_of
from ..domain.metrics.score import NamedNumber, Score
from ..domain.metrics.table import ClassRow, class_rows
from ..domain.ports.backend import Backend
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.clock import Clock
from ..domain.ports.dataset import Batcher, KnowsGroups, SampleSource, ViewingPlan
from ..domain.ports.metric import Metric
from ..domain.ports.preparing import DatasetStore
from ..domain.ports.reporting import Panel, Reporter
from ..domain.ports.results import Results
from ..domain.samples import Task
from .counting import Counted, count
from .evaluation_page import write_page
from .judges import intervals, judges
from .listening import FileListener, nobody
from .loading import load_trained
from .memory import enough_memory
from .predictor import Predictor
from .scored_split import scored_split
from .settings import EvaluateSettings
from .tables import class_table, score_table

_LARGEST_PANEL = 2048


@frozen(eq=False)
class EvaluationReport:
    """Scores of a split.

    Attributes:
        task: of a classifier "native resolution" means an image each, counted as one pixel.
        rows: one for each class.
        scores: the standard metrics and those of plugins, native resolution, aggregated over the data set.
        intervals: how far mean and foreground IoU, or a classifier's accuracy, would move with other images; none of a
            single image or group of images.
        at_training_size: the same at the size the model was trained on, where images are resized for it; else None.
        definitions: what other toolkits would have printed; of masks with one class a pixel only.
        keys, counts: each image's confusion matrix at native resolution.
        calibration: pixels by class, confidence, right and wrong, at native resolution; None where not asked for.
        logits: pixels by class and logit, its own and the others, at the size the model works at; likewise.
        files: what was written.
    """

    run: Path
    split: str
    task: Task
    classes: ClassMap
    rows: tuple[ClassRow, ...]
    scores: tuple[Score, ...]
    intervals: tuple[Interval, ...]
    at_training_size: tuple[Score, ...] | None
    definitions: tuple[NamedNumber, ...]
    keys: tuple[str, ...]
    counts: tuple[Counts, ...]
    calibration: Calibration | None
    logits: LogitCounts | None
    files: tuple[Path, ...]
    seconds: float
    device: str
    precision: str

    @property
    def unit(self) -> str:
        """What is counted: "pixels", or "images"."""
        return "images" if self.task is Task.CLASSIFICATION else "pixels"

    def _repr_html_(self) -> str:
        """In a notebook: the classes and the scores."""
        tables = (class_table(self.rows), score_table(self.scores))
        return html.shown(f"{self.run.name}, {self.split}, {len(self.keys)} images", *map(html.table, tables))


@frozen
class EvaluateModel:
    """Scores a run or a checkpoint, saves every image's confusion matrix, and draws what went best and worst."""

    catalogue: Catalogue
    datasets: DatasetStore
    runs: RunStore
    batcher: Batcher
    reporter: Reporter
    results: Results
    clock: Clock

    def __call__(self, settings: EvaluateSettings, *, listen: FileListener = nobody) -> EvaluationReport:
        """Raises CheckpointError for a model that is damaged or for other classes, DataError, and backend errors."""
        began = self.clock.seconds()
        trained = load_trained(
            self.catalogue,
            self.runs,
            settings.run,
            backend=settings.backend,
            device=settings.device,
            precision=settings.precision,
        )
        spec = trained.model.spec
        out = settings.out or trained.run or settings.run.parent
        predictor = Predictor(trained.session, spec, self.batcher, settings.tile, settings.overlap)
        plan = ViewingPlan(spec.fit, spec.size, spec.graph.stride, settings.batch, settings.workers)
        with closing(trained.session), _enough_memory(trained.backend, settings):
            source = scored_split(self.datasets, trained, settings.run, settings.data, settings.split)
            counted = count(predictor, source, plan, calibration=settings.calibration, listen=listen)
            panels = self._panels(predictor, source, counted, settings.panels)
        native = tuple(counted.native)
        report = EvaluationReport(
            run=settings.run,
            split=settings.split,
            task=spec.task,
            classes=spec.classes,
            rows=class_rows(native, spec.classes.names),
            scores=self._scores(native),
            intervals=self._intervals(native, spec.task, _groups(source)),
            at_training_size=self._scores(tuple(counted.resized)) if len(counted.resized) else None,
            definitions=definitions(native, settings.batch) if _defined_elsewhere(spec.task) else (),
            keys=tuple(counted.keys),
            counts=native,
            calibration=counted.calibration,
            logits=counted.logits,
            files=(),
            seconds=self.clock.seconds() - began,
            device=trained.model.device,
            precision=trained.model.precision,
        )
        return write_page(report, panels, out, self.reporter, self.results)

    def _scores(self, counts: Sequence[Counts]) -> tuple[Score, ...]:
        return tuple(evaluate(metric, counts) for metric in judges(self.catalogue, counts[0]))

    def _intervals(self, counts: Sequence[Counts], task: Task, groups: Sequence[str]) -> tuple[Interval, ...]:
        names = ("accuracy",) if task is Task.CLASSIFICATION else ("miou", "iou")
        return intervals(judges(self.catalogue, counts[0]), counts, names, groups)

    def _panels(
        self, predictor: Predictor, source: SampleSource, counted: Counted, number: int
    ) -> dict[str, list[Panel]]:
        """The worst and best images, predicted once more: by their own foreground IoU, or by being right or wrong."""
        judge = _judge(predictor.spec.task)
        scores = np.array([judge(kind_of([c])(c)).value for c in counted.native])
        order = [int(i) for i in np.argsort(scores, kind="stable") if np.isfinite(scores[i])]

        def panel(index: int) -> Panel:
            sample = source[index]
            image, truth, labels = map(_thinned, (sample.image, sample.labels, predictor(sample.image).labels))
            return Panel(counted.keys[index], image, truth, labels, float(scores[index]))

        half = -(-len(order) // 2)  # none is shown as both; of a single image it is the worst
        groups = {"Worst images": order[:half][:number], "Best images": order[half:][::-1][:number]}
        return {title: [panel(i) for i in indices] for title, indices in groups.items() if indices}


def _thinned(pixels: Image) -> Image:
    """Every nth row and column of what is far larger than it will be drawn: several whole images would be held."""
    step = -(-max(pixels.shape[:2]) // _LARGEST_PANEL)
    return pixels if step == 1 else pixels[::step, ::step].copy()


def _groups(source: SampleSource) -> list[str]:
    """What each image belongs to, one of no group to itself; nothing where that is so of all."""
    named = [source.group(index) for index in range(len(source))] if isinstance(source, KnowsGroups) else []
    return [name or f"\0{index}" for index, name in enumerate(named)] if any(named) else []


def _judge(task: Task) -> Metric:
    """What images are put in order by."""
    if task.planes:
        return MeanIoU()
    return PixelAccuracy() if task is Task.CLASSIFICATION else ForegroundIoU()


def _enough_memory(backend: Backend, settings: EvaluateSettings) -> AbstractContextManager[None]:
    return enough_memory(
        backend,
        f"in evaluation, with batches of {settings.batch} images and tiles of {settings.tile}x{settings.tile}",
        fix="Try a smaller --batch, a smaller --tile, or --precision bf16.",
    )


def _defined_elsewhere(task: Task) -> bool:
    """Whether the table of definitions says anything: it is about masks of one class a pixel."""
    return task in (Task.MULTICLASS, Task.BINARY)
