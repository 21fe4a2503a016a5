"""Runs that keep checkpoints badly, on purpose."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs
import numpy as np

from segport.adapters.storage import checkpoint as storage
from segport.adapters.storage.runs import RunFolders
from segport.domain.errors import CheckpointError
from segport.domain.ports.checkpoints import Checkpoint
from segport.tests.conformance.saboteurs.honest_runs import Run, Store, store_of


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


CAUGHT_BY: dict[type[Store], str] = {
    store_of(LosesNegativeZero): "a_checkpoint_comes_back_as_it_was_saved",
    store_of(ForgetsFrozenUpdates): "a_checkpoint_comes_back_as_it_was_saved",
    store_of(AveragesAreTheWeights): "a_checkpoint_comes_back_as_it_was_saved",
    store_of(KeepsTheFirst): "last_is_the_latest_and_none_before_the_first",
    store_of(GoesOnFromTheBest): "last_is_the_latest_and_none_before_the_first",
    store_of(BestWithState): "best_is_the_latest_saved_as_such_without_training_state",
    store_of(KeepsTheHighestScore): "best_is_the_latest_saved_as_such_without_training_state",
    store_of(NamesNoCheckpoint): "a_checkpoint_that_is_not_there_is_refused_by_its_name",
    store_of(LastForAnything): "a_checkpoint_that_is_not_there_is_refused_by_its_name",
    store_of(KeepsWhatItWasGiven): "what_is_kept_is_a_copy",
    store_of(HandsOutItsOwn): "what_is_kept_is_a_copy",
    store_of(RewindsRowsAlone): "rewinding_brings_back_the_best_before",
    store_of(KeepsOneBest): "rewinding_brings_back_the_best_before",
    store_of(LooksAtNoChecksum, RunFolders): "a_damaged_last_is_refused_and_the_one_before_takes_its_place",
    store_of(MendsNothing, RunFolders): "a_damaged_last_is_refused_and_the_one_before_takes_its_place",
    store_of(ReadsInTwoSteps): "a_checkpoint_is_whole_while_another_takes_its_place",
}
