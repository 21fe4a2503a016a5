"""What an evaluation leaves behind: matrices, numbers, pictures and a page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from ..domain.metrics.table import shown
from ..domain.ports.reporting import Panel, Picture, Reporter, Section
from ..domain.ports.results import Results
from ..domain.samples import Task
from .tables import calibration_table, class_table, definition_table, interval_table, report_values, score_table

if TYPE_CHECKING:
    from .evaluate import EvaluationReport


def matrices_file(out: Path, split: str) -> Path:
    """Where the confusion matrices of a split's images lie below a run's folder."""
    return out / "confusion" / f"{split}.npz"


def write_page(
    report: EvaluationReport,
    panels: Mapping[str, Sequence[Panel]],
    out: Path,
    reporter: Reporter,
    results: Results,
) -> EvaluationReport:
    """Writes everything below ``out`` and gives the report back with its files named."""
    split, classes = report.split, report.classes
    matrices, numbers = matrices_file(out, split), out / f"{split}.json"
    confusion, bars, strips = (out / "plots" / f"{split}-{name}.png" for name in ("confusion", "classes", "panels"))
    results.save_confusions(matrices, report.keys, report.counts)
    results.save_values(numbers, report_values(report))
    pictures = []
    if not report.task.planes:  # a class that may overlap others is taken for none of them
        reporter.confusion(np.sum(report.counts, axis=0), classes, confusion, title=f"Confusion, {split}")
        pictures.append(Picture(confusion, "Share of each true class"))
    if report.task is not Task.CLASSIFICATION:
        reporter.class_bars([r.iou for r in report.rows], [r.support for r in report.rows], classes, bars)
        pictures.append(Picture(bars, "IoU of each class"))
        if report.calibration is not None:
            pictures += _certainty(report, out, reporter)
        if report.logits is not None:
            spread = out / "plots" / f"{split}-logits.png"
            reporter.logits(report.logits, classes, spread, title=f"Logits by class, {split}")
            pictures.append(
                Picture(spread, "The logit of each class, log(p / (1 - p)), where it is and where it is not")
            )
    if panels:
        reporter.panels(panels, classes, strips)
        of = "mean" if report.task.planes else "foreground"
        order = "" if report.task is Task.CLASSIFICATION else f" by their {of} IoU"
        pictures.append(Picture(strips, f"Worst and best images{order}"))
    page = out / f"report-{split}.html"
    reporter.page(f"{report.run.name}, {split}", _sections(report, pictures), page, summary=_summary(report))
    files = (matrices, numbers, *(p.path for p in pictures), page)
    return attrs.evolve(report, files=files)


def _summary(report: EvaluationReport) -> str:
    if report.task is Task.CLASSIFICATION:
        accuracy = next(score for score in report.scores if score.name == "accuracy")
        return f"Accuracy {shown(accuracy.value)} over {len(report.keys)} images."
    miou = next(score for score in report.scores if score.name == "miou")
    return f"Mean IoU {shown(miou.value)} over {len(report.keys)} images at native resolution."


def _certainty(report: EvaluationReport, out: Path, reporter: Reporter) -> list[Picture]:
    assert report.calibration is not None
    diagram, histograms = (out / "plots" / f"{report.split}-{name}.png" for name in ("reliability", "confidence"))
    reporter.reliability(report.calibration, diagram, title=f"Reliability, {report.split}")
    title = f"Confidence by predicted class, {report.split}"
    reporter.confidences(report.calibration, report.classes, histograms, title=title)
    return [
        Picture(diagram, "How many of the pixels are right that were predicted with a certain confidence"),
        Picture(histograms, "How confident the model is where it is right, and where it is wrong"),
    ]


def _sections(report: EvaluationReport, pictures: Sequence[Picture]) -> list[Section]:
    return [
        Section("Classes", tables=(class_table(report.rows),)),
        Section("Scores", tables=(score_table(report.scores),)),
        *_intervals(report),
        *_definitions(report),
        *_calibration(report),
        Section("Pictures", pictures=tuple(pictures)),
    ]


def _intervals(report: EvaluationReport) -> list[Section]:
    if not report.intervals:
        return []
    text = "How far these scores would move with other images of the same kind; the model stays the same."
    return [Section("Confidence intervals", text, tables=(interval_table(report.intervals),))]


def _definitions(report: EvaluationReport) -> list[Section]:
    text = "The same matrices, as other toolkits would have counted them."
    return [Section("Definitions", text, tables=(definition_table(report.definitions),))] if report.definitions else []


def _calibration(report: EvaluationReport) -> list[Section]:
    if report.calibration is None:
        return []
    text = "Confidence is the probability of the predicted class. Where it exceeds the share right, do not trust it."
    rows, definition = report.calibration.rows(report.classes.names), report.calibration.ece().definition
    return [Section("Calibration", text, tables=(calibration_table(rows, report.unit, definition),))]
