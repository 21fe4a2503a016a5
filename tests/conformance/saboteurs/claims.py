"""Stores of runs that hand out folders badly, on purpose: claimed ones, unused ones, those of several seeds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from segport.domain.errors import CheckpointError
from segport.domain.ports.checkpoints import SeedRuns
from segport.tests.conformance.saboteurs.honest_runs import Store


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


CAUGHT_BY: dict[type[Store], str] = {
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
