"""Both run stores against the kit, and the kit against run stores broken on purpose."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from segport.adapters.memory.runs import MemoryRun, MemoryRuns
from segport.adapters.storage import checkpoint as storage
from segport.adapters.storage.runs import RunFolder, RunFolders
from segport.domain.errors import CheckpointError
from segport.domain.events import EpochDone, RunFailed, RunFinished
from segport.domain.ports.checkpoints import Checkpoint, SeedRuns
from segport.plugins.conformance import (
    Case,
    RunStoreSubject,
    checkpoint_checks,
    checks_on,
    record_checks,
    run_check,
    run_checks,
    run_store_checks,
)

STORES: dict[str, Callable[[Path], Any]] = {
    "folders": lambda folder: RunFolders(),
    "memory": lambda folder: MemoryRuns(),
}
MODULES = (checkpoint_checks, record_checks, run_store_checks)
CHECKS = {check.__name__: check for module in MODULES for check in module.CHECKS}
OF_FILES = "a damaged last is refused and the one before takes its place"


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug here, and waiting for the disk takes most of the time."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.mark.parametrize("name", STORES)
def test_it_conforms(name: str) -> None:
    report = run_checks(RunStoreSubject(STORES[name]))
    assert report.passed, report
    assert [outcome.sentence for outcome in report.outcomes if outcome.skipped] == [OF_FILES] * (name == "memory")


@pytest.mark.parametrize("check", checks_on(RunStoreSubject(STORES["memory"])), ids=str)
def test_each_check_is_a_test(check: Case) -> None:
    check()


# Saboteurs: what is broken is a run, in an honest store, or the store itself.


class Run:
    """Hands everything on to an honest run."""

    def __init__(self, honest: MemoryRun | RunFolder) -> None:
        self.honest = honest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)


class Store:
    """Hands everything on to an honest store, with runs of the kind in between."""

    honest: Callable[[], Any] = MemoryRuns
    run: type[Run] = Run

    def __init__(self, folder: Path) -> None:
        self.inner = type(self).honest()
        self.runs: dict[Path, Run] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def create(self, path: Path, configuration: Any) -> Any:
        return self.runs.setdefault(path, self.run(self.inner.create(path, configuration)))

    def open(self, path: Path) -> Any:
        self.inner.open(path)
        return self.runs[path]


def store_of(run: type[Run], honest: Callable[[], Any] = MemoryRuns) -> type[Store]:
    return type(run.__name__, (Store,), {"run": run, "honest": staticmethod(honest)})


class LosesNegativeZero(Run):
    def save_last(self, checkpoint: Checkpoint) -> Path:
        weights = {name: array + np.float32(0) for name, array in checkpoint.weights.items()}
        return self.honest.save_last(attrs.evolve(checkpoint, weights=weights))


class ForgetsFrozenUpdates(Run):
    def save_last(self, checkpoint: Checkpoint) -> Path:
        state = checkpoint.state and attrs.evolve(checkpoint.state, frozen=0)
        return self.honest.save_last(attrs.evolve(checkpoint, state=state))


class AveragesAreTheWeights(Run):
    def save_last(self, checkpoint: Checkpoint) -> Path:
        state = checkpoint.state and attrs.evolve(checkpoint.state, averages=checkpoint.state.weights)
        return self.honest.save_last(attrs.evolve(checkpoint, state=state))


class KeepsTheFirst(Run):
    def save_last(self, checkpoint: Checkpoint) -> Path:
        return self.honest.save_last(self.honest.last() or checkpoint)


class GoesOnFromTheBest(Run):
    def last(self) -> Checkpoint | None:
        kept: Checkpoint | None = self.honest.last()
        return kept or (self.honest.load("best") if "best" in self.honest.checkpoints() else None)


class BestWithState(Run):
    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        self.kept = checkpoint
        return self.honest.save_best(checkpoint, epoch=epoch, metric=metric, score=score)

    def load(self, which: str) -> Checkpoint:
        found: Checkpoint = self.honest.load(which)
        return attrs.evolve(found, state=self.kept.state) if which == "best" else found


class KeepsTheHighestScore(Run):
    top = -np.inf

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        if not score > self.top:
            return self.honest.path / "best"
        self.top = score
        return self.honest.save_best(checkpoint, epoch=epoch, metric=metric, score=score)


class NamesNoCheckpoint(Run):
    def load(self, which: str) -> Checkpoint:
        try:
            return self.honest.load(which)
        except CheckpointError:
            raise CheckpointError("There is no such checkpoint.") from None


class LastForAnything(Run):
    def load(self, which: str) -> Checkpoint:
        return self.honest.load(which if which in self.honest.checkpoints() else "last")


class KeepsWhatItWasGiven(Run):
    def save_last(self, checkpoint: Checkpoint) -> Path:
        self.kept = checkpoint
        return self.honest.save_last(checkpoint)

    def load(self, which: str) -> Checkpoint:
        return self.kept if which == "last" else self.honest.load(which)


class HandsOutItsOwn(Run):
    def load(self, which: str) -> Checkpoint:
        kept: Checkpoint = self.honest.checkpoints()[which]
        return kept


class RewindsRowsAlone(Run):
    def rewind(self, epoch: int) -> str:
        kept = list(self.honest._best)
        said: str = self.honest.rewind(epoch)
        self.honest._best[:] = kept
        return said


class KeepsOneBest(Run):
    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        self.honest._best.clear()
        return self.honest.save_best(checkpoint, epoch=epoch, metric=metric, score=score)


class LooksAtNoChecksum(Run):
    """On disk."""

    def last(self) -> Checkpoint | None:
        check, storage.is_sealed = storage.is_sealed, lambda path, checksum: True
        try:
            return self.honest.last()
        finally:
            storage.is_sealed = check


class MendsNothing(Run):
    """On disk."""

    def recover(self) -> str:
        return ""


class ReadsInTwoSteps(Run):
    """The weights now, progress a moment later."""

    def load(self, which: str) -> Checkpoint:
        weights = self.honest.load(which).weights
        threading.Event().wait(0.01)
        return attrs.evolve(self.honest.load(which), weights=weights)


class KnowsEpochsAlone(Run):
    def record(self, event: Any) -> None:
        if not isinstance(event, EpochDone | RunFinished):
            raise TypeError(f"what is {event}?")
        self.honest.record(event)


class RowsOfEverything(Run):
    def metrics(self) -> list[dict[str, float]]:
        return [{"epoch": float(number)} for number in range(len(self.honest.events))]


class RoundsNumbers(Run):
    def metrics(self) -> list[dict[str, float]]:
        return [{name: round(value, 6) for name, value in row.items()} for row in self.honest.metrics()]


class FillsGaps(Run):
    def metrics(self) -> list[dict[str, float]]:
        rows = self.honest.metrics()
        names = dict.fromkeys(name for row in rows for name in row)
        return [{name: row.get(name, np.nan) for name in names} for row in rows]


class HandsOutItsRows(Run):
    def metrics(self) -> list[dict[str, float]]:
        return self.honest._rows


class CountsSeconds(Run):
    def record(self, event: Any) -> None:
        if isinstance(event, EpochDone):
            event = attrs.evolve(event, metrics={**event.metrics, "seconds": event.seconds})
        self.honest.record(event)


class KeepsLaterRows(Run):
    def record(self, event: Any) -> None:
        later = [row for row in self.honest._rows if isinstance(event, EpochDone) and row["epoch"] > event.epoch]
        self.honest.record(event)
        self.honest._rows.extend(later)


class RewindsOneTooMany(Run):
    def rewind(self, epoch: int) -> str:
        return self.honest.rewind(epoch - 1)


class TalksOfRewinding(Run):
    def rewind(self, epoch: int) -> str:
        return self.honest.rewind(epoch) or f"Rewound to {epoch}."


class FinishedByAFailure(Run):
    def finished(self) -> bool:
        ends = [event for event in self.honest.events if isinstance(event, RunFinished | RunFailed)]
        return bool(ends)


class FinishedForever(Run):
    def finished(self) -> bool:
        return any(isinstance(event, RunFinished) for event in self.honest.events)


class HandsOutItsConfiguration(Run):
    def configuration(self) -> Any:
        return self.honest.created


class ForgetsEmptyLists(Run):
    def configuration(self) -> Any:
        def thinned(values: Any) -> Any:
            return {k: thinned(v) for k, v in values.items() if v != []} if isinstance(values, dict) else values

        return thinned(self.honest.configuration())


class OverwritesARun(Store):
    def create(self, path: Path, configuration: Any) -> Any:
        self.inner._runs.pop(path, None)
        return self.inner.create(path, configuration)

    def open(self, path: Path) -> Any:
        return self.inner.open(path)


class HoldsEverything(Store):
    def holds(self, path: Path) -> bool:
        return True


class OpensAnything(Store):
    def open(self, path: Path) -> Any:
        return self.runs.get(path) or Run(MemoryRun(path, {}))


class EverythingIsHome(Store):
    def home(self, path: Path) -> Path:
        return path


class CheckpointsHaveNoHome(Store):
    def home(self, path: Path) -> Path | None:
        return path if path in self.runs else self.inner.home(path) and None


class AlwaysTheBest(Store):
    def load_checkpoint(self, path: Path) -> Checkpoint:
        return self.inner.load_checkpoint(self.inner.home(path))


class BeginsWithTheLast(Store):
    def load_pretrained(self, path: Path) -> Any:
        last = self.inner.open(self.inner.home(path)).load("last")
        return attrs.evolve(self.inner.load_pretrained(path), weights=last.weights)


class ForgetsTheModel(Store):
    def load_pretrained(self, path: Path) -> Any:
        return attrs.evolve(self.inner.load_pretrained(path), spec=None)


class OneRunForAll(Store):
    def create(self, path: Path, configuration: Any) -> Any:
        made = super().create(path, configuration)
        for run in self.runs.values():
            made.honest = run.honest
            break
        return made


class ClaimsNothing(Store):
    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        yield ""


class HoldsOnAfterAnError(Store):
    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        claim = self.inner.claim(path)
        self.runs[Path(f"kept {id(claim)}")] = claim  # one that nobody keeps would be let go of
        yield claim.__enter__()
        claim.__exit__(None, None, None)


class SwallowsErrors(Store):
    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        with self.inner.claim(path) as before, suppress(Exception):
            yield before


class ClaimsAll(Store):
    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        with self.inner.claim(path.parent) as before:
            yield before


class LooksBeforeItClaims(Store):
    """Not at once."""

    taken: set[Path] = set()  # noqa: RUF012

    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        if path in self.taken:
            raise CheckpointError("taken")
        threading.Event().wait(0.05)
        self.taken.add(path)
        try:
            yield ""
        finally:
            self.taken.discard(path)


class CountsRuns(Store):
    def unused(self, name: str) -> Path:
        return Path(f"{name}-{len(self.runs) + 1:03d}")


class GivesTakenFolders(Store):
    given = 0

    def unused(self, name: str) -> Path:
        self.given += 1
        return Path(f"{name}-{self.given:03d}")


class SortsSeeds(Store):
    def seeds(self, path: Path) -> SeedRuns | None:
        found = self.inner.seeds(path)
        return found and SeedRuns(path, {**found.configuration, "seeds": sorted(found.configuration["seeds"])})


class SharesSeeds(Store):
    @contextmanager
    def create_seeds(self, path: Path, configuration: Any) -> Iterator[SeedRuns]:
        with self.inner.create_seeds(path, configuration):
            made = self.inner._seeds[path] = SeedRuns(path, configuration)
            yield made


class KeepsSeedsOfNothing(Store):
    @contextmanager
    def create_seeds(self, path: Path, configuration: Any) -> Iterator[SeedRuns]:
        with self.inner.create_seeds(path, configuration) as made:
            pass
        yield made


class ForgetsRunsOfSeeds(Store):
    @contextmanager
    def create_seeds(self, path: Path, configuration: Any) -> Iterator[SeedRuns]:
        with self.inner.create_seeds(path, configuration) as made:
            try:
                yield made
            except BaseException:
                self.inner._runs.clear()
                raise


SABOTEURS: dict[type[Store], str] = {
    **{
        store_of(run): check
        for run, check in {
            LosesNegativeZero: "a_checkpoint_comes_back_as_it_was_saved",
            ForgetsFrozenUpdates: "a_checkpoint_comes_back_as_it_was_saved",
            AveragesAreTheWeights: "a_checkpoint_comes_back_as_it_was_saved",
            KeepsTheFirst: "last_is_the_latest_and_none_before_the_first",
            GoesOnFromTheBest: "last_is_the_latest_and_none_before_the_first",
            BestWithState: "best_is_the_latest_saved_as_such_without_training_state",
            KeepsTheHighestScore: "best_is_the_latest_saved_as_such_without_training_state",
            NamesNoCheckpoint: "a_checkpoint_that_is_not_there_is_refused_by_its_name",
            LastForAnything: "a_checkpoint_that_is_not_there_is_refused_by_its_name",
            KeepsWhatItWasGiven: "what_is_kept_is_a_copy",
            HandsOutItsOwn: "what_is_kept_is_a_copy",
            RewindsRowsAlone: "rewinding_brings_back_the_best_before",
            KeepsOneBest: "rewinding_brings_back_the_best_before",
            ReadsInTwoSteps: "a_checkpoint_is_whole_while_another_takes_its_place",
            KnowsEpochsAlone: "every_event_is_taken",
            RowsOfEverything: "every_event_is_taken",
            RoundsNumbers: "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
            FillsGaps: "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
            HandsOutItsRows: "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
            CountsSeconds: "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
            KeepsLaterRows: "an_epoch_told_again_takes_its_first_tellings_place",
            RewindsOneTooMany: "rewinding_drops_later_rows_and_no_others",
            TalksOfRewinding: "rewinding_drops_later_rows_and_no_others",
            FinishedByAFailure: "a_run_is_finished_from_its_end_until_it_begins_again",
            FinishedForever: "a_run_is_finished_from_its_end_until_it_begins_again",
            HandsOutItsConfiguration: "its_configuration_comes_back",
            ForgetsEmptyLists: "its_configuration_comes_back",
        }.items()
    },
    store_of(LooksAtNoChecksum, RunFolders): "a_damaged_last_is_refused_and_the_one_before_takes_its_place",
    store_of(MendsNothing, RunFolders): "a_damaged_last_is_refused_and_the_one_before_takes_its_place",
    CheckpointsHaveNoHome: "a_checkpoint_belongs_to_its_run",
    AlwaysTheBest: "a_checkpoint_belongs_to_its_run",
    BeginsWithTheLast: "weights_to_begin_with_are_those_of_the_best",
    ForgetsTheModel: "weights_to_begin_with_are_those_of_the_best",
    OverwritesARun: "a_run_is_created_once_and_found_again",
    HoldsEverything: "what_holds_no_run_is_refused",
    OpensAnything: "what_holds_no_run_is_refused",
    EverythingIsHome: "what_holds_no_run_is_refused",
    OneRunForAll: "runs_share_nothing",
    ClaimsNothing: "a_folder_is_claimed_by_one_training_at_a_time",
    HoldsOnAfterAnError: "a_folder_is_claimed_by_one_training_at_a_time",
    SwallowsErrors: "a_folder_is_claimed_by_one_training_at_a_time",
    ClaimsAll: "a_folder_is_claimed_by_one_training_at_a_time",
    LooksBeforeItClaims: "of_many_claims_at_once_one_is_granted",
    CountsRuns: "an_unused_folder_is_given_once",
    GivesTakenFolders: "an_unused_folder_is_given_once",
    SortsSeeds: "runs_of_several_seeds_are_created_together",
    SharesSeeds: "runs_of_several_seeds_are_created_together",
    KeepsSeedsOfNothing: "seeds_are_forgotten_after_an_error_before_the_first_run",
    ForgetsRunsOfSeeds: "seeds_are_forgotten_after_an_error_before_the_first_run",
}
OWN_MISTAKES = ("AttributeError", "NameError", "KeyError", "ImportError")


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda saboteur: saboteur.__name__)
def test_a_saboteur_is_caught(saboteur: type[Store]) -> None:
    outcome = run_check(CHECKS[SABOTEURS[saboteur]], RunStoreSubject(saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


def test_what_saboteurs_are_made_of_is_honest() -> None:
    assert run_checks(RunStoreSubject(Store)).failures == ()


def test_every_check_catches_a_saboteur_and_every_function_is_a_check() -> None:
    written = {
        name
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "_" in name
    }
    assert set(SABOTEURS.values()) == set(CHECKS) == written
