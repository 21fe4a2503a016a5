"""Stores of runs broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from segport.adapters.memory.runs import MemoryRun
from segport.domain.ports.checkpoints import Checkpoint
from segport.plugins.conformance import RunStoreSubject, checkpoint_checks, record_checks, run_store_checks
from segport.tests.conformance.saboteurs import checkpoints, claims, records
from segport.tests.conformance.saboteurs.honest_runs import Run, Store
from segport.tests.conformance.saboteurs.kind import Saboteurs


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


CAUGHT_BY: dict[type[Store], str] = {
    **checkpoints.CAUGHT_BY,
    **records.CAUGHT_BY,
    **claims.CAUGHT_BY,
    CheckpointsHaveNoHome: "a_checkpoint_belongs_to_its_run",
    AlwaysTheBest: "a_checkpoint_belongs_to_its_run",
    BeginsWithTheLast: "weights_to_begin_with_are_those_of_the_best",
    ForgetsTheModel: "weights_to_begin_with_are_those_of_the_best",
    OverwritesARun: "a_run_is_created_once_and_found_again",
    HoldsEverything: "what_holds_no_run_is_refused",
    OpensAnything: "what_holds_no_run_is_refused",
    EverythingIsHome: "what_holds_no_run_is_refused",
    OneRunForAll: "runs_share_nothing",
}
CHECKS = (*checkpoint_checks.CHECKS, *record_checks.CHECKS, *run_store_checks.CHECKS)
RUN_STORES = Saboteurs(CAUGHT_BY, CHECKS, RunStoreSubject, Store)
