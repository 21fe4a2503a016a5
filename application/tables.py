"""Results as tables of text for people, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from ..domain.description import DatasetInfo
from ..domain.metrics.bootstrap import Interval
from ..domain.metrics.calibration import RIGHT, WRONG, Calibration, CalibrationRow
from ..domain.metrics.logits import OTHERS, OWN, LogitCounts
from ..domain.metrics.score import NamedNumber, Score
from ..domain.metrics.table import ClassRow, shown
from ..domain.ports.reporting import Table

if TYPE_CHECKING:
    from ..domain.architecture.summary import Row
    from .compare_backends import BackendRow
    from .compare_runs import CompareReport
    from .evaluate import EvaluationReport
    from .inspection import ClassCount


TELLING = ("miou", "iou", "f1", "accuracy")
"""Metrics shown where several runs stand side by side."""


def class_table(rows: Sequence[ClassRow]) -> Table:
    """One row a class."""
    columns = ("class", "IoU", "Dice", "precision", "recall", "accuracy", "support", "predicted")
    return Table(
        columns,
        tuple(
            (
                row.name,
                *(shown(value) for value in (row.iou, row.dice, row.precision, row.recall, row.accuracy)),
                f"{row.support:,}",
                f"{row.predicted:,}",
            )
            for row in rows
        ),
    )


def score_table(scores: Sequence[Score]) -> Table:
    """One row a metric, with its definition."""
    return Table(("metric", "value", "definition"), tuple((s.name, shown(s.value), s.definition) for s in scores))


def interval_table(intervals: Sequence[Interval]) -> Table:
    """One row a metric: between which values it lies if the images are drawn anew, and how that was found."""
    columns = ("metric", "from", "to", "how")
    return Table(columns, tuple((i.name, shown(i.low), shown(i.high), i.definition) for i in intervals))


def interval_lines(intervals: Sequence[Interval]) -> list[str]:
    """The same in a sentence each."""
    return [
        f"{i.name}: {shown(i.low)} to {shown(i.high)} in {100 * i.level:g} % of sets of {i.drawn} drawn anew"
        for i in intervals
    ]


def interval_values(intervals: Sequence[Interval]) -> dict[str, list[float]]:
    """Each metric's interval as [low, high], by its name."""
    return {one.name: [one.low, one.high] for one in intervals}


def definition_table(numbers: Sequence[NamedNumber]) -> Table:
    """One row a number, with who prints it."""
    columns = ("number", "value", "how", "who")
    return Table(columns, tuple((n.name, shown(n.value), n.formula, n.source) for n in numbers))


def value_table(heading: str, numbers: Sequence[Score | NamedNumber]) -> Table:
    """Names and values alone."""
    return Table((heading, "value"), tuple((n.name, shown(n.value)) for n in numbers))


def layer_table(rows: Sequence[Row]) -> Table:
    """One row a node of a graph."""
    columns = ("node", "operation", "channels x height x width", "parameters", "multiply-adds")
    return Table(
        columns,
        tuple(
            (r.name, r.kind, " x ".join(map(str, r.shape)), f"{r.parameters:,}", f"{r.multiply_adds:,}") for r in rows
        ),
    )


def calibration_table(rows: Sequence[CalibrationRow], unit: str = "pixels", definition: str = "") -> Table:
    """One row for all pixels (or what the ``unit`` says), then one for each predicted class."""
    columns = ("predicted as", unit, "mean confidence", "share right", "overconfident by", "ECE")
    return Table(
        columns,
        tuple(
            (
                row.name,
                f"{row.pixels:,}",
                *(shown(value) for value in (row.confidence, row.accuracy, row.confidence - row.accuracy, row.ece)),
            )
            for row in rows
        ),
        caption=definition,
    )


def run_table(report: CompareReport) -> Table:
    """One column a run: the settings that differ, then the scores."""
    runs = report.runs
    metrics = [name for name in TELLING if any(name in run.scores for run in runs)]
    best = (f"{shown(run.best_score)} {run.monitor}, epoch {run.best_epoch}" if run.best_epoch else "" for run in runs)
    return Table(
        ("", *(run.name for run in runs)),
        (
            *((name, *(run.differing[name] for run in runs)) for name in runs[0].differing),
            ("epochs done", *(str(run.epochs) for run in runs)),
            ("best validation", *best),
            *(
                (f"{report.split} {name}", *(shown(run.scores[name]) if run.scores else "" for run in runs))
                for name in metrics
            ),
        ),
    )


def backend_table(rows: Sequence[BackendRow]) -> Table:
    """One column a backend; every difference is to the first."""
    first, *others = rows

    def differing(text: Callable[[BackendRow], str]) -> tuple[str, ...]:
        return ("", *map(text, others))

    return Table(
        ("", *(row.backend for row in rows)),
        (
            ("device", *(row.device for row in rows)),
            ("precision", *(row.precision for row in rows)),
            ("largest difference of a logit", *differing(lambda row: _tiny(row.difference.largest))),
            ("... as a share of the largest logit", *differing(lambda row: _tiny(row.difference.relative))),
            ("pixels of another class", *differing(lambda row: f"{row.difference.differing:,}")),
            ("... as a share of all", *differing(lambda row: _tiny(row.difference.share))),
            ("... of which ties", *differing(lambda row: f"{row.difference.ties:,}")),
            ("images with another confusion matrix", *differing(lambda row: f"{row.differing_matrices:,}")),
            ("mIoU", *(shown(row.miou, 6) for row in rows)),
            ("... difference", *differing(lambda row: _tiny(row.miou - first.miou))),
            ("images/s, after a batch of warm-up", *(f"{row.images_per_second:.2f}" for row in rows)),
        ),
        caption=f"Every difference is to {first.backend}.",
    )


def frequency_table(counts: Mapping[str, Mapping[str, ClassCount]], unit: str = "pixels") -> Table:
    """One row a class: its share of each split's pixels (or what the ``unit`` says), then the images it is in."""
    totals = [max(1, sum(count.pixels for count in classes.values())) for classes in counts.values()]

    def row(name: str) -> tuple[str, ...]:
        found = [classes[name] for classes in counts.values()]
        shares = (f"{100 * count.pixels / total:.2f}" for count, total in zip(found, totals, strict=True))
        return (name, *shares, *(f"{count.images:,}" for count in found))

    columns = (f"{split} {what}" for what in ("%", "images") for split in counts)
    rows = tuple(row(name) for name in next(iter(counts.values())))
    return Table(("class", *columns), rows, caption=f"% of the {unit} of each split, and images with the class")


def info_table(info: DatasetInfo) -> Table:
    """One row a class: what of the training split it has, and its weight."""
    total = sum(info.pixel_counts.values()) or 1
    rows = [
        (name, f"{count:,}", f"{100 * count / total:.2f}", f"{info.class_weights['median'][k]:.3f}")
        for k, (name, count) in enumerate(info.pixel_counts.items())
    ]
    return Table(("class", f"training {info.task.unit}", "percent", "median-frequency weight"), tuple(rows))


def definition_values(numbers: Sequence[NamedNumber]) -> dict[str, dict[str, object]]:
    """By name: the number, how it comes about, and who prints it."""
    return {n.name: {"value": n.value, "formula": n.formula, "source": n.source} for n in numbers}


def calibration_values(calibration: Calibration, names: Sequence[str]) -> dict[str, object]:
    """The numbers of all pixels; each predicted class's, with the histograms they come from."""
    overall, *rows = (attrs.asdict(row) for row in calibration.rows(names))
    histograms = ({"right": bins[:, RIGHT].tolist(), "wrong": bins[:, WRONG].tolist()} for bins in calibration.counts)
    classes = [{**row, **histogram} for row, histogram in zip(rows, histograms, strict=True)]
    return {**overall, "definition": calibration.ece().definition, "classes": classes}


def logit_values(logits: LogitCounts, names: Sequence[str]) -> dict[str, object]:
    """The edges of the bins, and each class's pixels in them: its own, and the others."""
    rows = zip(names, logits.counts, strict=True)
    classes = [{"name": n, "own": bins[:, OWN].tolist(), "others": bins[:, OTHERS].tolist()} for n, bins in rows]
    return {"edges": logits.edges.tolist(), "classes": classes}


def report_values(report: EvaluationReport) -> dict[str, object]:
    """The report's numbers as plain values, for programs."""
    return {
        "run": str(report.run),
        "split": report.split,
        "images": len(report.keys),
        "classes": [attrs.asdict(row) for row in report.rows],
        "scores": {score.name: score.value for score in report.scores},
        "intervals": interval_values(report.intervals),
        "scores_at_training_size": {score.name: score.value for score in report.at_training_size or ()},
        "definitions": definition_values(report.definitions),
        "calibration": calibration_values(report.calibration, report.classes.names) if report.calibration else None,
        "logits": logit_values(report.logits, report.classes.names) if report.logits else None,
        "device": report.device,
        "precision": report.precision,
        "files": [str(path) for path in report.files],
    }


def _tiny(value: float) -> str:
    """ "1.6e-05", or "0" where there is nothing: a rounded number could be either."""
    return f"{value:.1e}" if value else "0"
