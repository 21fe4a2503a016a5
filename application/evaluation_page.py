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
from .tables import class_table, definition_table, report_values, score_table

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
    results.save_values(numbers, report_values(report))
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
