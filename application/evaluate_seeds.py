"""The service that evaluates the runs of several seeds, and says how far their scores differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from attrs import frozen

from ..domain.errors import CheckpointError, InvalidSpecError
from ..domain.metrics.spread import Spread
from ..domain.ports.checkpoints import RunStore, SeedRuns
from ..domain.ports.reporting import Picture, Reporter, Section
from ..domain.ports.results import Results
from .evaluate import EvaluateModel, EvaluationReport
from .listening import FileListener, nobody
from .seed_tables import SD, evaluation_tables, evaluation_values
from .settings import EvaluateSettings
from .training.train import TrainModel


@frozen(eq=False)
class SeedsEvaluation:
    """Scores of a split by the runs of several seeds.

    Attributes:
        run: the folder of the runs.
        reports: each seed's own evaluation.
        scores: the standard metrics at native resolution, by name.
        classes: the IoU of each class, by name; of a classifier too.
        definitions: what other toolkits would have printed, by name; of masks only.
        files: what was written for all of them together.
    """

    run: Path
    split: str
    reports: Mapping[int, EvaluationReport]
    scores: Mapping[str, Spread]
    classes: Mapping[str, Spread]
    definitions: Mapping[str, Spread]
    files: tuple[Path, ...] = ()


@frozen
class EvaluateSeeds:
    """Evaluates every run of a folder that `segport train --seeds` made."""

    evaluate: EvaluateModel
    train: TrainModel
    runs: RunStore
    reporter: Reporter
    results: Results

    def __call__(self, settings: EvaluateSettings, *, listen: FileListener = nobody) -> SeedsEvaluation:
        """Each as ``EvaluateModel`` would; results of each lie in its own folder, or below ``settings.out``.

        Raises InvalidSpecError for any other folder, CheckpointError where a seed is not trained to its end, and what
        ``EvaluateModel`` raises.
        """
        group = self.runs.seeds(settings.run)
        if group is None:
            raise InvalidSpecError(f"{settings.run} was not made by `segport train --seeds`.")
        self._check(group)
        reports = {
            seed: self.evaluate(
                attrs.evolve(settings, run=run, out=settings.out and settings.out / run.name), listen=listen
            )
            for seed, run in group.runs.items()
        }
        return self._written(_summarised(group.path, settings.split, reports), settings.out or group.path)

    def _check(self, group: SeedRuns) -> None:
        unfinished = [
            str(seed) for seed, run in group.runs.items() if not (self.runs.holds(run) and self.train.finished(run))
        ]
        if unfinished:
            raise CheckpointError(
                f"{group.path}: not yet trained to the end: seed {', '.join(unfinished)}.",
                fix=f"Train the rest: segport train --resume {group.path}. Or evaluate one of the others by itself.",
            )

    def _written(self, summary: SeedsEvaluation, out: Path) -> SeedsEvaluation:
        numbers, page = out / f"{summary.split}.json", out / f"report-{summary.split}.html"
        self.results.save_values(numbers, evaluation_values(summary))
        pictures = [
            Picture(path, f"Seed {seed}")
            for seed, report in summary.reports.items()
            for path in report.files
            if path.name == f"{summary.split}-panels.png"
        ]
        sections = [
            *(Section(table.columns[0].capitalize(), tables=(table,)) for table in evaluation_tables(summary)),
            Section("Worst and best images", pictures=tuple(pictures)),
        ]
        title = f"{summary.run.name}, {summary.split}, {len(summary.reports)} seeds"
        self.reporter.page(title, sections, page, summary=f"{SD[0].upper()}{SD[1:]}.")
        return attrs.evolve(summary, files=(numbers, page))


def _summarised(run: Path, split: str, reports: Mapping[int, EvaluationReport]) -> SeedsEvaluation:
    every = list(reports.values())
    return SeedsEvaluation(
        run=run,
        split=split,
        reports=reports,
        scores=spreads([{score.name: score.value for score in report.scores} for report in every]),
        classes=spreads([{row.name: row.iou for row in report.rows} for report in every]),
        definitions=spreads([{number.name: number.value for number in report.definitions} for report in every]),
    )


def spreads(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """By name, over the runs, which all have the same names."""
    return {name: Spread.of(numbers[name] for numbers in runs) for name in runs[0]}
