"""One run's folder: configuration, checkpoints, and the tables it writes while it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from ...domain.errors import CheckpointError, DamagedCheckpointError
from ...domain.events import EpochDone, Event
from ...domain.ports.checkpoints import Checkpoint
from .. import files
from .checkpoint import READ_FIX, load_checkpoint, save_checkpoint
from .records import Row, append_event, metrics_row, read_metrics, read_told, told_finished, write_metrics
from .toml import read_toml

CONFIGURATION = "run.toml"
EVENTS = "events.jsonl"
METRICS = "metrics.csv"
CHECKPOINTS = "checkpoints"
PREVIOUS = "previous"
SUFFIX = ".safetensors"
_TABLES = ("train", "dataset", "compute", "start")
KEPT = 2
"""Checkpoints with an epoch in their name that stay: the best, and the best before it."""
_MEND_FIX = (
    f"{EVENTS} does not tell of every epoch. Fix the table, or delete it: then a resume continues without its rows."
)
_LOST_FIX = "Start a new run; with --init-from RUN it begins with the best weights of this one, where they are whole."


@frozen
class RunFolder:
    """One run on disk. Implements the port ``Run``."""

    path: Path

    def configuration(self) -> dict[str, Any]:
        """The tables of run.toml. Raises CheckpointError when there is none, or something else under their names."""
        values = read_toml(self.path / CONFIGURATION, CheckpointError)
        for name in _TABLES:
            if not isinstance(values.get(name, {}), dict):
                raise CheckpointError(f"{self.path / CONFIGURATION}: {name} is no table.", fix=f"Expected [{name}].")
        return values

    def save_last(self, checkpoint: Checkpoint) -> Path:
        """Replaces last.safetensors atomically. The one before it stays, should the new one ever be damaged."""
        path = self._file("last")
        with self._writing():
            if path.exists():
                files.link_or_copy(path, self._file(PREVIOUS))  # a second name for it: nothing is written twice
        save_checkpoint(path, checkpoint)
        return path

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        """Writes "epoch-0012-miou-0.8431.safetensors", makes best.safetensors a link to it, and drops older ones."""
        path = self._file(f"epoch-{epoch:04d}-{re.sub(r'[^A-Za-z0-9_]+', '_', metric)}-{score:.4f}")
        save_checkpoint(path, attrs.evolve(checkpoint, state=None))
        with self._writing():
            files.link_or_copy(path, self._file("best"))
            older = [p for p in self._named() if p != path]
            for old in older[: max(0, len(older) - KEPT + 1)]:
                old.unlink(missing_ok=True)
        return path

    def load(self, which: str) -> Checkpoint:
        """ "best", "last" or a file's name. Raises CheckpointError, naming what there is."""
        return load_checkpoint(self.checkpoint(which))

    def checkpoint(self, which: str) -> Path:
        """The file of "best", "last" or a file's name. Raises CheckpointError, naming what there is."""
        path = self._file(which.removesuffix(SUFFIX))
        if not path.exists():
            known = sorted(p.stem for p in path.parent.glob(f"*{SUFFIX}") if not p.name.startswith("."))
            raise CheckpointError(
                f"The run {self.path} has no checkpoint {which!r}.",
                fix=f"It has: {', '.join(known)}."
                if known
                else "It has none yet: it stopped before the first was saved.",
            )
        return path

    def last(self) -> Checkpoint | None:
        """The state to go on from; None before the first was saved."""
        path = self._file("last")
        if not path.exists() and self._file(PREVIOUS).exists():
            raise DamagedCheckpointError(_gone(path), fix=READ_FIX)
        return load_checkpoint(path) if path.exists() else None

    def recover(self) -> str:
        """Puts the checkpoint before the last in its place where that is damaged or gone."""
        last, previous = self._file("last"), self._file(PREVIOUS)
        damage = _damage(last) if previous.exists() else ""
        if not damage:
            return ""
        if worse := _damage(previous):
            raise CheckpointError(damage, problems=[worse], fix=_LOST_FIX)
        with self._writing():
            files.link_or_copy(previous, last)
        return f"{damage} Its place is taken by the one before it."

    def record(self, event: Event) -> None:
        """Appends to events.jsonl; an EpochDone replaces or adds its row in metrics.csv."""
        with self._writing():
            append_event(self.path / EVENTS, event)
            if isinstance(event, EpochDone):
                rows = [row for row in self.metrics() if row["epoch"] < event.epoch]
                write_metrics(self.path / METRICS, [*rows, metrics_row(event)])

    def rewind(self, epoch: int) -> str:
        """Drops the rows of metrics.csv after ``epoch`` epochs, and best checkpoints that came after them.

        A table that lacks rows before, or cannot be read, is made anew of what events.jsonl tells.
        """
        rows, damage = self._rows(epoch)
        kept = [row for row in rows if row["epoch"] <= epoch]
        named = self._named()
        past = [path for path in named if _epoch(path) <= epoch]
        with self._writing():
            if damage or len(kept) < len(rows):
                write_metrics(self.path / METRICS, kept)
            if past and past != named:
                files.link_or_copy(past[-1], self._file("best"))
            elif named and not past:
                self._file("best").unlink(missing_ok=True)
            for path in named[len(past) :]:
                path.unlink()
        return damage and f"{damage} It is made anew of {EVENTS}."

    def metrics(self) -> list[dict[str, float]]:
        """The rows of metrics.csv."""
        return read_metrics(self.path / METRICS)

    def finished(self) -> bool:
        """Whether events.jsonl tells of its end."""
        return told_finished(self.path / EVENTS)

    def _rows(self, epoch: int) -> tuple[list[Row], str]:
        """A row for each of so many epochs, as far as they are known, and what was wrong with those of metrics.csv."""
        wanted, told = [*range(1, epoch + 1)], {row["epoch"]: row for row in read_told(self.path / EVENTS)}
        try:
            rows = self.metrics()
        except CheckpointError as error:
            if not told.keys() >= set(wanted):
                raise CheckpointError(error.message, fix=_MEND_FIX) from None
            return [told[number] for number in wanted], error.message
        if [row["epoch"] for row in rows if row["epoch"] <= epoch] == wanted:
            return rows, ""
        known = {row["epoch"]: row for row in rows} | told
        damage = f"{self.path / METRICS} does not have one row for each of {epoch} epochs."
        return [known[number] for number in sorted(known)], damage

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"The run {self.path} cannot be written to: {error.strerror or error}.",
                fix=f"Free some space, then go on: segport train --resume {self.path}",
            ) from error

    def _named(self) -> list[Path]:
        """Checkpoints with an epoch in their name, in order of it."""
        found = (self.path / CHECKPOINTS).glob(f"epoch-*{SUFFIX}")
        return sorted(found, key=lambda path: (_epoch(path), path.name))

    def _file(self, stem: str) -> Path:
        return self.path / CHECKPOINTS / f"{stem}{SUFFIX}"


def _gone(checkpoint: Path) -> str:
    return f"{checkpoint} is gone."


def _damage(checkpoint: Path) -> str:
    """What is wrong with a file; "" for one that is whole. Raises CheckpointError where it cannot be read at all."""
    if not checkpoint.exists():
        return _gone(checkpoint)
    try:
        load_checkpoint(checkpoint)
    except DamagedCheckpointError as error:
        return error.message
    return ""


def _epoch(path: Path) -> int:
    return int(path.name.split("-")[1])
