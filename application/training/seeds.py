"""The service that trains several seeds: the same settings, a run of its own for each, and how far they differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from ...domain.errors import InvalidSpecError, RunInterruptedError
from ...domain.metrics.spread import Spread
from ...domain.ports.checkpoints import RunStore, SeedRuns
from ...domain.ports.clock import Clock
from ...domain.ports.configuration import SettingsCodec
from ...domain.ports.preparing import DatasetStore
from ...domain.ports.reporting import Reporter
from ...domain.ports.results import Results
from ..listening import EventListener, Stop, never, nobody
from ..settings import SeedsSettings, TrainSettings
from .progress import Progress
from .recorded import placed, recorded, require_same_data, with_compute
from .train import TrainModel

TABLE = "seeds.csv"


@frozen
class SeedResult:
    """How the run of one seed ended. ``best_score`` is of the monitored metric on the validation split."""

    seed: int
    run: Path
    epochs: int
    best_epoch: int
    best_score: float


@frozen
class SeedsReport:
    """How the runs of all seeds ended.

    Attributes:
        run: the folder they are in.
        monitor: the validation metric that picked each one's best epoch.
        results: in order of the seeds.
        best: mean and standard deviation of the best scores.
        table: ``results`` as CSV.
        curves: the runs' losses and scores in one picture.
    """

    run: Path
    monitor: str
    results: tuple[SeedResult, ...]
    best: Spread
    table: Path
    curves: Path


@frozen
class TrainSeeds:
    """Trains one run a seed, one after the other; embeddable, prints nothing. Called and resumed as ``TrainModel``."""

    train: TrainModel
    datasets: DatasetStore
    runs: RunStore
    clock: Clock
    codec: SettingsCodec
    reporter: Reporter
    results: Results

    def __call__(self, settings: SeedsSettings, *, listen: EventListener = nobody, stop: Stop = never) -> SeedsReport:
        """Trains ``settings.seeds`` runs in the folder ``settings.run``, or else the next free one.

        Raises as ``TrainModel``; RunInterruptedError says how to go on with all of them.
        """
        seeds = range(settings.seed, settings.seed + settings.seeds)
        if seeds[-1] >= 2**32:
            raise InvalidSpecError(
                f"seed = {settings.seed}, seeds = {settings.seeds}: the last one would be {seeds[-1]}.",
                fix="Seeds are smaller than 4294967296: begin with a smaller one.",
            )
        common = settings.single(run=None)
        self.train.plan(common)
        info = self.datasets.open(settings.data).info
        configuration = {
            "format": 1,
            "started": self.clock.now(),
            "seeds": list(seeds),
            "train": self.codec.to_values(placed(common)),
            "dataset": {"name": info.name, "fingerprint": info.fingerprint},
        }
        path = settings.run or self.runs.unused(info.name)
        with self.runs.claim(path), self.runs.create_seeds(path, configuration) as group:
            return self._all(group, common, listen, stop, {})

    def resume(self, path: Path, *, listen: EventListener = nobody, stop: Stop = never, **compute: Any) -> SeedsReport:
        """Goes on with the seed that was left, and trains those not begun; finished ones stay as they are.

        Takes and raises what ``TrainModel.resume`` does, but where all are finished says how they ended.
        """
        group = self.runs.seeds(path)
        if group is None:
            raise InvalidSpecError(f"{path} was not made by `segport train --seeds`.", fix="Give its folder.")
        values, fingerprinted = recorded(group.configuration, f"{path}/seeds.toml")
        common = with_compute(self.codec, values, compute, where=f"{path}/seeds.toml")
        require_same_data(self.datasets.open(common.data).info, fingerprinted, common.data, path)
        with self.runs.claim(path):
            return self._all(group, common, listen, stop, compute)

    def _all(
        self,
        group: SeedRuns,
        common: TrainSettings,
        listen: EventListener,
        stop: Stop,
        compute: Mapping[str, Any],
    ) -> SeedsReport:
        results: list[SeedResult] = []
        for seed, run in group.runs.items():
            try:
                self._one(attrs.evolve(common, seed=seed, run=run), listen, stop, compute)
            except RunInterruptedError as error:
                fix = f"Go on with this seed and the rest: segport train --resume {group.path}"
                raise RunInterruptedError(error.message, fix=fix) from error
            results.append(self._result(seed, run))
            self.results.save_table(group.path / TABLE, [attrs.asdict(result) for result in results])
        return self._report(group, results)

    def _one(self, settings: TrainSettings, listen: EventListener, stop: Stop, compute: Mapping[str, Any]) -> None:
        """Trains, goes on, or does nothing, as the run's folder asks for."""
        assert settings.run is not None
        if self.runs.holds(settings.run) and self.train.finished(settings.run):
            return
        if stop():
            raise RunInterruptedError(f"Stopped before seed {settings.seed}; those before it are finished.")
        if self.runs.holds(settings.run):
            self.train.resume(settings.run, listen=listen, stop=stop, **compute)
        else:
            self.train(settings, listen=listen, stop=stop)

    def _result(self, seed: int, run: Path) -> SeedResult:
        progress = Progress.of(self.runs.open(run))
        assert progress is not None
        return SeedResult(seed, run, progress.epoch, progress.best.epoch, progress.best.score)

    def _report(self, group: SeedRuns, results: list[SeedResult]) -> SeedsReport:
        runs = [self.runs.open(result.run) for result in results]
        monitor = str(runs[0].configuration()["train"]["monitor"])
        curves = group.path / "plots" / "training.png"
        rows = {run.path.name: run.metrics() for run in runs}
        columns = dict.fromkeys(["train_loss", "val_loss", f"val_{monitor}"])
        self.reporter.run_curves(rows, curves, columns=list(columns))
        best = Spread.of(result.best_score for result in results)
        return SeedsReport(group.path, monitor, tuple(results), best, group.path / TABLE, curves)
