"""The service that lays runs side by side: what they were asked for differently, and how well each did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from attrs import frozen

from ..domain.errors import InvalidSpecError
from ..domain.metrics.aggregation import evaluate
from ..domain.metrics.overlap import metrics_for
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.reporting import Reporter
from ..domain.ports.results import Results
from ..domain.training.selection import Best, better
from .evaluation_page import matrices_file
from .settings import CompareSettings

_OWN = ("run", "track", "workers", "cache")
"""Settings that say nothing of what a run learns."""


@frozen
class ComparedRun:
    """One run.

    Attributes:
        name: its folder's name, or the whole path where two share one.
        differing: its value of every setting that is not the same in all runs; "" where it has none.
        monitor: the validation metric that picked its best epoch.
        best_score, best_epoch: NaN and 0 before the first validation.
        epochs: those done.
        scores: standard metrics of the split, from the matrices that `segport evaluate` left; empty before that.
    """

    run: Path
    name: str
    differing: Mapping[str, str]
    monitor: str
    best_score: float
    best_epoch: int
    epochs: int
    scores: Mapping[str, float]


@frozen
class CompareReport:
    """Runs in the order they were named, and the picture of their curves."""

    runs: tuple[ComparedRun, ...]
    split: str
    curves: Path


@frozen
class CompareRuns:
    """Reads what runs left behind; needs neither model nor data."""

    runs: RunStore
    results: Results
    reporter: Reporter

    def __call__(self, settings: CompareSettings) -> CompareReport:
        """Raises InvalidSpecError for fewer than two runs, CheckpointError for a folder that holds none."""
        paths = list(dict.fromkeys(run for path in settings.runs for run in self._runs_of(path)))
        if len(paths) < 2:
            raise InvalidSpecError(
                "There is nothing to compare: fewer than two runs were named.",
                fix="Name at least two: segport compare runs/first runs/second.",
            )
        opened = [self.runs.open(path) for path in paths]
        asked = [_asked(run.configuration()) for run in opened]
        names = _names([run.path for run in opened])
        rows = dict(zip(names, (run.metrics() for run in opened), strict=True))
        compared = tuple(
            self._compared(run.path, name, rows[name], of_run, values, settings.split)
            for run, name, of_run, values in zip(opened, names, _differing(asked), asked, strict=True)
        )
        monitors = list(dict.fromkeys(f"val_{run.monitor}" for run in compared))
        known = {name for of_run in rows.values() for row in of_run for name in row}
        columns = dict.fromkeys(["train_loss", "val_loss", *monitors])
        # Runs of before there was a loss of validation have no column of it.
        drawn = [name for name in columns if name in known or name != "val_loss"]
        self.reporter.run_curves(rows, settings.out, columns=drawn)
        return CompareReport(compared, settings.split, settings.out)

    def _runs_of(self, path: Path) -> list[Path]:
        """The folder itself, or the runs of all its seeds."""
        seeds = self.runs.seeds(path)
        return [path] if seeds is None else list(seeds.runs.values())

    def _compared(
        self,
        path: Path,
        name: str,
        rows: Sequence[Mapping[str, float]],
        differing: Mapping[str, str],
        asked: Mapping[str, str],
        split: str,
    ) -> ComparedRun:
        monitor = asked.get("monitor", "miou")
        best = Best(better(monitor))
        for row in rows:
            best = best.observe(int(row["epoch"]), row.get(f"val_{monitor}", nan))
        scores = self._scores(path, split)
        return ComparedRun(path, name, differing, monitor, best.score, best.epoch, len(rows), scores)

    def _scores(self, run: Path, split: str) -> dict[str, float]:
        saved = matrices_file(run, split)
        if not self.results.has(saved):
            return {}
        _, counts = self.results.load_confusions(saved)
        return {metric.name: evaluate(metric, counts).value for metric in metrics_for(counts[0])}


def _asked(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, and what "auto" came to."""
    settings = {name: _text(value) for name, value in configuration.get("train", {}).items() if name not in _OWN}
    return settings | {name: _text(value) for name, value in configuration.get("compute", {}).items()}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _differing(asked: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    names = dict.fromkeys(name for values in asked for name in values)
    kept = [name for name in names if len({values.get(name, "") for values in asked}) > 1]
    return [{name: values.get(name, "") for name in kept} for values in asked]


def _names(paths: Sequence[Path]) -> list[str]:
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else [str(path) for path in paths]
