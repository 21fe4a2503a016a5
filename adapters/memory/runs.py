"""Runs that end with the program. Paths are names here: nothing is written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen

from ...domain.architecture.weights import Weights
from ...domain.errors import CheckpointError
from ...domain.events import EpochDone, Event, RunFinished, RunStarted
from ...domain.ports.checkpoints import Checkpoint, Pretrained, SeedRuns


@frozen(eq=False)
class _Best:
    epoch: int
    name: str
    checkpoint: Checkpoint


@frozen(eq=False)
class MemoryRun:
    """One run. Implements the port ``Run``. Of the best checkpoints it keeps the last two, as a run on disk does.

    Attributes:
        events: all that was heard of, in order.
    """

    path: Path
    created: Mapping[str, Any]
    events: list[Event] = field(factory=list)
    _rows: list[dict[str, float]] = field(factory=list)
    _best: list[_Best] = field(factory=list)
    _last: list[Checkpoint] = field(factory=list)

    def configuration(self) -> dict[str, Any]:
        """What it was created with."""
        return copy.deepcopy(dict(self.created))

    def save_last(self, checkpoint: Checkpoint) -> Path:
        """Replaces ``last``."""
        self._last[:] = [_copy(checkpoint)]
        return self.path / "last"

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        """Keeps it without its training state, under a name with epoch and score."""
        saved = _Best(epoch, f"epoch-{epoch:04d}-{score:.4f}", _copy(attrs.evolve(checkpoint, state=None)))
        self._best[:] = [*(other for other in self._best if other.epoch != epoch), saved][-2:]
        return self.path / saved.name

    def load(self, which: str) -> Checkpoint:
        """``best``, ``last`` or the name a best one was saved under. Raises CheckpointError."""
        known = self.checkpoints()
        if which not in known:
            raise CheckpointError(
                f"The run {self.path} has no checkpoint {which!r}.", fix=f"It has: {', '.join(known) or 'none yet'}."
            )
        return _copy(known[which])

    def checkpoints(self) -> dict[str, Checkpoint]:
        """All that are kept, by name; not copies."""
        best, last = self._best[:], self._last[:]
        found = {saved.name: saved.checkpoint for saved in best}
        if best:
            found["best"] = best[-1].checkpoint
        if last:
            found["last"] = last[0]
        return found

    def last(self) -> Checkpoint | None:
        """The state to go on from; None before the first was saved."""
        return _copy(self._last[0]) if self._last else None

    def record(self, event: Event) -> None:
        """Keeps it; of an EpochDone also the row."""
        self.events.append(event)
        if isinstance(event, EpochDone):
            self._drop(event.epoch - 1)
            self._rows.append({"epoch": event.epoch, "rate": event.rate, **event.metrics})

    def recover(self) -> str:
        """Nothing is ever damaged here."""
        return ""

    def rewind(self, epoch: int) -> str:
        """Drops the rows and the best checkpoints after ``epoch`` epochs."""
        self._drop(epoch)
        self._best[:] = [saved for saved in self._best if saved.epoch <= epoch]
        return ""

    def metrics(self) -> list[dict[str, float]]:
        """A row an epoch."""
        return [dict(row) for row in self._rows]

    def finished(self) -> bool:
        """Whether a RunFinished was recorded, since it last began."""
        ends = [event for event in self.events if isinstance(event, RunStarted | RunFinished)]
        return bool(ends) and isinstance(ends[-1], RunFinished)

    def _drop(self, epoch: int) -> None:
        self._rows[:] = [row for row in self._rows if row["epoch"] <= epoch]


@frozen(eq=False)
class MemoryRuns:
    """Implements the port ``RunStore``."""

    _runs: dict[Path, MemoryRun] = field(factory=dict)
    _seeds: dict[Path, SeedRuns] = field(factory=dict)
    _claims: dict[Path, object] = field(factory=dict)
    _given: dict[Path, object] = field(factory=dict)

    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        """Raises CheckpointError while a training in another thread holds it. Gives "": nobody dies alone here."""
        if not _first(self._claims, path):
            raise CheckpointError(f"Another training is running in {path}.", fix="Wait for it, or name another run.")
        try:
            yield ""
        finally:
            del self._claims[path]

    def create(self, path: Path, configuration: Mapping[str, Any]) -> MemoryRun:
        """Raises CheckpointError when there is such a run."""
        self._refuse_taken(path)
        return self._runs.setdefault(path, MemoryRun(path, copy.deepcopy(dict(configuration))))

    @contextmanager
    def create_seeds(self, path: Path, configuration: Mapping[str, Any]) -> Iterator[SeedRuns]:
        """Forgotten again after an error in the block before the first run."""
        self._refuse_taken(path)
        made = self._seeds.setdefault(path, SeedRuns(path, copy.deepcopy(dict(configuration))))
        try:
            yield made
        except BaseException:
            if not any(map(self.holds, made.runs.values())):
                del self._seeds[path]
            raise

    def seeds(self, path: Path) -> SeedRuns | None:
        """The runs that ``create_seeds`` made."""
        return self._seeds.get(path)

    def holds(self, path: Path) -> bool:
        """Whether there is such a run."""
        return path in self._runs

    def unused(self, name: str) -> Path:
        """``name``-001, or the first number after it that is free and was not given to anybody."""
        numbered = (Path(f"{name}-{number:03d}") for number in count(1))
        return next(path for path in numbered if path not in self._runs and _first(self._given, path))

    def open(self, path: Path) -> MemoryRun:
        """Raises CheckpointError, naming the runs there are."""
        if path not in self._runs:
            known = ", ".join(map(str, self._runs)) or "none"
            raise CheckpointError(f"No run {path} is kept in memory.", fix=f"There are: {known}.")
        return self._runs[path]

    def home(self, path: Path) -> Path:
        """The run that a path names, or that keeps a checkpoint under it."""
        above = self._runs.get(path.parent)
        if path not in self._runs and above is not None and path.name in above.checkpoints():
            return above.path
        return self.open(path).path

    def load_checkpoint(self, path: Path) -> Checkpoint:
        """One of a run's, or the best of a run."""
        home = self.home(path)
        return self.open(home).load("best" if path == home else path.name)

    def load_pretrained(self, path: Path) -> Pretrained:
        """As ``load_checkpoint``, to begin with."""
        checkpoint = self.load_checkpoint(path)
        return Pretrained(checkpoint.weights, checkpoint.spec)

    def _refuse_taken(self, path: Path) -> None:
        if path in self._runs or path in self._seeds:
            raise CheckpointError(f"There is already a run {path}.", fix="Choose another name, or resume it.")


def _first(taken: dict[Path, object], path: Path) -> bool:
    """Takes it, and tells whether nobody had; safe from threads, as a dictionary's own methods are."""
    mine = object()
    return taken.setdefault(path, mine) is mine


def _copy(checkpoint: Checkpoint) -> Checkpoint:
    """What a session hands out may be its own memory, which goes on changing; so may whoever loads it."""
    state = checkpoint.state
    if state is not None:
        state = attrs.evolve(
            state, weights=_copied(state.weights), slots=_copied(state.slots), averages=_copied(state.averages)
        )
    progress = copy.deepcopy(checkpoint.progress)
    return attrs.evolve(checkpoint, weights=_copied(checkpoint.weights), state=state, progress=progress)


def _copied(weights: Weights) -> Weights:
    return {name: np.array(array) for name, array in weights.items()}
