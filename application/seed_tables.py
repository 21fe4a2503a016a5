"""Results of several seeds as tables of text for people, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from ..domain.metrics.spread import Spread
from ..domain.metrics.table import shown
from ..domain.ports.reporting import Table
from .tables import report_values

if TYPE_CHECKING:
    from .evaluate_seeds import SeedsEvaluation
    from .training.seeds import SeedsReport

SD = "sd is the standard deviation of the sample, n - 1 in the denominator; n counts the seeds that have a value"


def seeds_table(report: SeedsReport) -> Table:
    """One row a seed."""
    columns = ("seed", f"best validation {report.monitor}", "epoch", "epochs done", "run")
    rows = ((str(r.seed), shown(r.best_score), str(r.best_epoch), str(r.epochs), str(r.run)) for r in report.results)
    return Table(columns, tuple(rows))


def shown_spread(spread: Spread) -> str:
    """ "0.8352 ± 0.0278 (n = 3)"; without a deviation where there is only one number."""
    deviation = f" ± {shown(spread.sd)}" if spread.n > 1 else ""
    return f"{shown(spread.mean)}{deviation} (n = {spread.n})"


def evaluation_tables(summary: SeedsEvaluation) -> tuple[Table, ...]:
    """IoU of each class, the metrics, and what others would print: over all seeds, and seed by seed."""
    reports = list(summary.reports.values())
    tables = (
        ("IoU of class", summary.classes, [[row.iou for row in report.rows] for report in reports]),
        ("metric", summary.scores, [[score.value for score in report.scores] for report in reports]),
        ("what others would print", summary.definitions, [[n.value for n in report.definitions] for report in reports]),
    )
    return tuple(
        _spread_table(heading, spreads, summary.reports, numbers) for heading, spreads, numbers in tables if spreads
    )


def _spread_table(
    heading: str, spreads: Mapping[str, Spread], seeds: Mapping[int, object], numbers: Sequence[Sequence[float]]
) -> Table:
    columns = (heading, "mean", "sd", "n", *(f"seed {seed}" for seed in seeds))
    rows = (
        (name, shown(spread.mean), shown(spread.sd) if spread.n > 1 else "", str(spread.n), *map(shown, of_seeds))
        for (name, spread), *of_seeds in zip(spreads.items(), *numbers, strict=True)
    )
    return Table(columns, tuple(rows))


def evaluation_values(summary: SeedsEvaluation) -> dict[str, object]:
    """The numbers as plain values, for programs."""
    return {
        "run": str(summary.run),
        "split": summary.split,
        "scores": _values(summary.scores),
        "classes": _values(summary.classes),
        "definitions": _values(summary.definitions),
        "seeds": {str(seed): report_values(report) for seed, report in summary.reports.items()},
        "files": [str(path) for path in summary.files],
    }


def _values(spreads: Mapping[str, Spread]) -> dict[str, dict[str, float]]:
    return {name: attrs.asdict(spread) for name, spread in spreads.items()}
