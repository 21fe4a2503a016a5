"""The service that scores masks: two folders in, numbers with their definitions out. It needs no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import attrs
from attrs import frozen

from ..domain.arrays import Counts
from ..domain.classes import ClassMap
from ..domain.errors import DataError
from ..domain.listing import cut, listed
from ..domain.metrics.aggregation import evaluate
from ..domain.metrics.bootstrap import Interval
from ..domain.metrics.confusion import Confusion
from ..domain.metrics.definitions import definitions
from ..domain.metrics.overlap import metrics_for
from ..domain.metrics.score import NamedNumber, Score
from ..domain.metrics.table import ClassRow, class_rows
from ..domain.ports.clock import Clock
from ..domain.ports.dataset import Executor
from ..domain.ports.mask_folders import MaskFolders, MaskPair
from ..domain.ports.preparing import DatasetStore
from ..domain.ports.results import Results
from .class_folders import PLANE, by_image, like_classes, plane_classes
from .judges import intervals
from .listening import FileListener, nobody
from .settings import ScoreSettings
from .tables import definition_values, interval_values

_OVERLAPPING = "If each folder holds the masks of one class, score with --overlapping."


@frozen(eq=False)
class ScoreReport:
    """Scores of predicted masks.

    Attributes:
        rows: one for each class.
        scores: the standard metrics, aggregated over the data set.
        intervals: confidence intervals, by drawing images anew, of mean and foreground IoU; none of a single image.
        definitions: what other toolkits would have printed; of masks with one class a pixel only.
        keys, counts: each image's confusion matrix; where classes overlap, one of each class.
        extra: predictions that have no true mask and were not scored.
        warnings: what was assumed of the folders and may be meant otherwise.
        files: what was written.
    """

    predictions: Path
    truth: Path
    classes: ClassMap
    rows: tuple[ClassRow, ...]
    scores: tuple[Score, ...]
    intervals: tuple[Interval, ...]
    definitions: tuple[NamedNumber, ...]
    keys: tuple[str, ...]
    counts: tuple[Counts, ...]
    extra: tuple[Path, ...]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    seconds: float


@frozen
class ScoreMasks:
    """Scores a folder of predicted masks against a folder of true ones, pixel by pixel at the size of the truth."""

    folders: MaskFolders
    datasets: DatasetStore
    executor: Executor
    results: Results
    clock: Clock

    def __call__(self, settings: ScoreSettings, *, listen: FileListener = nobody) -> ScoreReport:
        """Raises DataError with everything that is missing, or every pair that cannot be compared, at once."""
        began = self.clock.seconds()
        found = self.folders.pairs(settings.predictions, settings.truth)
        classes, counts = self._counts(settings, found.pairs, listen)
        matrices = list(counts.values())
        judges = metrics_for(matrices[0])
        report = ScoreReport(
            predictions=settings.predictions,
            truth=settings.truth,
            classes=classes,
            rows=class_rows(matrices, classes.names),
            scores=tuple(evaluate(judge, matrices) for judge in judges),
            intervals=intervals(judges, matrices, ("miou", "iou")),
            definitions=() if settings.overlapping else definitions(matrices, settings.batch),
            keys=tuple(counts),
            counts=tuple(matrices),
            extra=found.extra,
            warnings=() if settings.overlapping else _pooled(found.pairs),
            files=(),
            seconds=self.clock.seconds() - began,
        )
        return report if settings.out is None else self._write(report, settings.out)

    def _counts(
        self, settings: ScoreSettings, pairs: Sequence[MaskPair], listen: FileListener
    ) -> tuple[ClassMap, Mapping[str, Counts]]:
        """The classes, and each image's matrix by its name."""
        if not settings.overlapping:
            classes = self._classes(settings)
            counts = self._count(pairs, classes, settings.ignore, listen)
            return classes, {pair.key: matrix for pair, matrix in zip(pairs, counts, strict=True)}
        wanted = None if settings.classes is None else self.datasets.read_classes(settings.classes)
        classes = plane_classes(pairs, settings.truth, wanted)
        return classes, by_image(pairs, self._count(pairs, PLANE, settings.ignore, listen), classes)

    def _classes(self, settings: ScoreSettings) -> ClassMap:
        if settings.classes is not None:
            return self.datasets.read_classes(settings.classes)
        classes = self.folders.classes(settings.predictions, settings.truth)
        if classes is None:
            raise DataError(
                f"Nothing says what the values of the masks in {settings.truth} mean.",
                fix="Name the classes: --classes class_dict.csv (name,r,g,b).",
            )
        return classes

    def _count(
        self, pairs: Sequence[MaskPair], classes: ClassMap, ignore: Sequence[int], listen: FileListener
    ) -> list[Counts]:
        """One matrix a pair, in order."""
        truths = classes.with_ignored(ignore)
        # what counts nowhere in the truth may stand in a prediction too, but not in place of a class
        claimed = {value for one in classes.classes for value in one.values}
        predictions = classes.with_ignored([value for value in ignore if value not in claimed])

        def compare(pair: MaskPair) -> Counts | DataError:
            try:
                truth = self.folders.read_truth(pair.truth, truths)
                prediction = self.folders.read_prediction(pair.prediction, predictions)
            except DataError as error:
                return error
            try:
                return Confusion.of(truth, prediction, len(classes)).counts
            except DataError as error:
                return DataError(f"{pair.prediction}: {error.message}", problems=error.problems, fix=error.fix)

        counts: list[Counts] = []
        errors: list[DataError] = []
        with closing(self.executor.map(compare, pairs)) as outcomes:
            for done, outcome in enumerate(outcomes, start=1):
                if isinstance(outcome, DataError):
                    errors.append(outcome)
                else:
                    counts.append(outcome)
                listen(done, len(pairs))
        if errors:
            raise _all_of(errors, len(pairs), _OVERLAPPING if classes is not PLANE and like_classes(pairs) else "")
        return counts

    def _write(self, report: ScoreReport, out: Path) -> ScoreReport:
        matrices, numbers = out / "confusions.npz", out / "scores.json"
        self.results.save_confusions(matrices, report.keys, report.counts)
        self.results.save_values(numbers, as_values(report))
        return attrs.evolve(report, files=(matrices, numbers))


def as_values(report: ScoreReport) -> dict[str, object]:
    """The report's numbers as plain values, for programs."""
    return {
        "predictions": str(report.predictions),
        "truth": str(report.truth),
        "images": len(report.keys),
        "classes": [attrs.asdict(row) for row in report.rows],
        "scores": {score.name: score.value for score in report.scores},
        "intervals": interval_values(report.intervals),
        "definitions": definition_values(report.definitions),
        "not_scored": [str(path) for path in report.extra],
        "warnings": list(report.warnings),
    }


def _pooled(pairs: Sequence[MaskPair]) -> tuple[str, ...]:
    """What to say of folders that look like one a class, and were not scored so."""
    folders = listed(like_classes(pairs))
    how = "each mask was scored as an image of its own, all with the same classes"
    return (f"{folders} hold masks of the same names; {how}. {_OVERLAPPING}",) if folders else ()


def _all_of(errors: Sequence[DataError], pairs: int, hint: str) -> DataError:
    if len(errors) == 1:
        return errors[0]
    problems = cut(["; ".join([error.message, *error.problems]) for error in errors])
    fix = f"{errors[0].fix} {hint}".strip()
    return DataError(f"{len(errors)} of {pairs} masks cannot be scored.", problems=problems, fix=fix)
