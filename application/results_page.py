"""What an evaluation leaves behind: matrices, numbers, pictures and a page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from ..domain.metrics.score import NamedNumber, Score
from ..domain.metrics.table import ClassRow, shown
from ..domain.ports.reporting import Panel, Picture, Reporter, Section, Table
from ..domain.ports.results import Results

if TYPE_CHECKING:
    from .evaluate import EvaluationReport


def write_page(
    report: EvaluationReport,
    panels: Mapping[str, Sequence[Panel]],
    out: Path,
    reporter: Reporter,
    results: Results,
) -> EvaluationReport:
    """Writes everything below ``out`` and gives the report back with its files named."""
    split, classes = report.split, report.classes
    matrices, numbers = out / "confusion" / f"{split}.npz", out / f"{split}.json"
    confusion, bars, strips = (out / "plots" / f"{split}-{name}.png" for name in ("confusion", "classes", "panels"))
    results.save_confusions(matrices, report.keys, report.counts)
    results.save_values(numbers, as_values(report))
    reporter.confusion(np.sum(report.counts, axis=0), classes, confusion, title=f"Confusion, {split}")
    reporter.class_bars([r.iou for r in report.rows], [r.support for r in report.rows], classes, bars)
    pictures = [Picture(confusion, "Share of each true class"), Picture(bars, "IoU of each class")]
    if panels:
        reporter.panels(panels, classes, strips)
        pictures.append(Picture(strips, "Worst and best images by their foreground IoU"))
    page = out / f"report-{split}.html"
    reporter.page(f"{report.run.name}, {split}", _sections(report, pictures), page, summary=_summary(report))
    files = (matrices, numbers, *(p.path for p in pictures), page)
    return attrs.evolve(report, files=files)


def _summary(report: EvaluationReport) -> str:
    miou = next(score for score in report.scores if score.name == "miou")
    return f"Mean IoU {shown(miou.value)} over {len(report.keys)} images at native resolution."


def _sections(report: EvaluationReport, pictures: Sequence[Picture]) -> list[Section]:
    return [
        Section("Classes", tables=(class_table(report.rows),)),
        Section("Scores", tables=(score_table(report.scores),)),
        Section(
            "Definitions",
            "The same matrices, as other toolkits would have counted them.",
            tables=(definition_table(report.definitions),),
        ),
        Section("Pictures", pictures=tuple(pictures)),
    ]


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


def definition_table(numbers: Sequence[NamedNumber]) -> Table:
    """One row a number, with who prints it."""
    columns = ("number", "value", "how", "who")
    return Table(columns, tuple((n.name, shown(n.value), n.formula, n.source) for n in numbers))


def as_values(report: EvaluationReport) -> dict[str, object]:
    """The report's numbers as plain values, for programs."""
    return {
        "run": str(report.run),
        "split": report.split,
        "images": len(report.keys),
        "classes": [attrs.asdict(row) for row in report.rows],
        "scores": {score.name: score.value for score in report.scores},
        "scores_at_training_size": {score.name: score.value for score in report.at_training_size or ()},
        "definitions": {number.name: number.value for number in report.definitions},
        "device": report.device,
        "precision": report.precision,
    }
