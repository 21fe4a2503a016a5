"""Where runs and their checkpoints are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from ..architecture.weights import Weights
from ..events import Event
from ..spec import ModelSpec
from .backend import TrainState


@frozen(eq=False)
class Checkpoint:
    """A model that can be used, and where resumable, the whole training state.

    ``weights`` are those to be used: the averages of the state, where there are any.
    ``progress`` is plain JSON: epoch, step within it, losses so far, best so far, stopping state.
    """

    spec: ModelSpec
    weights: Weights
    state: TrainState | None = None
    progress: Mapping[str, Any] | None = None


@frozen(eq=False)
class Pretrained:
    """Weights to begin with, float32 by name. ``spec`` is None where the file says nothing of its model."""

    weights: Weights
    spec: ModelSpec | None = None


class Run(Protocol):
    """One run's folder. What it is given to keep is copied, and what it hands out may be written into.

    One may be read while another process or thread writes to it: a checkpoint is then the one before, or the new one.
    """

    @property
    def path(self) -> Path:
        """The folder."""
        ...

    def configuration(self) -> Mapping[str, Any]:
        """What the run was created with: text, numbers, lists and tables. What was None may be left out."""
        ...

    def save_last(self, checkpoint: Checkpoint) -> Path:
        """Replaces ``last``; the old one stays until the new one is safely there. Gives where it is."""
        ...

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        """Keeps it under a name with epoch and score, and points ``best`` at it. No training state is kept in it.

        The best before it stays as well, to be rewound to. Gives where it is; the last part is its name for ``load``.
        """
        ...

    def load(self, which: str) -> Checkpoint:
        """``which`` is "best", "last" or a file's name. Raises CheckpointError."""
        ...

    def last(self) -> Checkpoint | None:
        """The state to go on from; None before the first was saved.

        Raises DamagedCheckpointError for one that is damaged or gone: then ``recover``. Any other CheckpointError
        says that it is whole, but cannot be used.
        """
        ...

    def record(self, event: Event) -> None:
        """Appends to events.jsonl; an EpochDone also to metrics.csv."""
        ...

    def recover(self) -> str:
        """Makes the checkpoint before the last the last one, where that is damaged, and says so; "" where it is whole.

        Raises CheckpointError where neither is.
        """
        ...

    def rewind(self, epoch: int) -> str:
        """Drops the rows of metrics.csv and the best checkpoints after ``epoch`` epochs: they will be written again.

        ``best`` is then the one that it was before, if any. Rows before that are missing are put back. Says so; ""
        where none were.
        """
        ...

    def metrics(self) -> Sequence[Mapping[str, float]]:
        """The rows of metrics.csv: of each EpochDone epoch, rate and its metrics, exactly as they were, in order.

        An epoch that is recorded again takes the place of its row and of all rows after it.
        """
        ...

    def finished(self) -> bool:
        """Whether a RunFinished was recorded since it last began: nothing is left to do."""
        ...


@frozen
class SeedRuns:
    """A folder of runs that differ in their seed alone; ``configuration`` is what it was created with."""

    path: Path
    configuration: Mapping[str, Any]

    @property
    def runs(self) -> dict[int, Path]:
        """Each seed's folder, whether there yet or not."""
        return {int(seed): self.path / f"seed-{seed}" for seed in self.configuration["seeds"]}


class RunStore(Protocol):
    """Creates and opens runs."""

    def claim(self, path: Path) -> AbstractContextManager[str]:
        """A folder for one training alone, while the block lasts. It is made, and goes again where it stays empty.

        However the block ends, the folder is free then, and an error in the block goes on.

        Gives who trained there before and died of it, "" for nobody. Raises CheckpointError, telling who and since
        when, while another training goes on there.
        """
        ...

    def create(self, path: Path, configuration: Mapping[str, Any]) -> Run:
        """A folder with run.toml in it: enough to run it again.

        Raises CheckpointError when the folder already holds a run, and says how to go on or start over.
        """
        ...

    def create_seeds(self, path: Path, configuration: Mapping[str, Any]) -> AbstractContextManager[SeedRuns]:
        """A folder with seeds.toml in it, for a run a seed; the key "seeds" lists them. It holds no run itself.

        An error in the block takes it away again if no run has been created in it. Raises CheckpointError when the
        folder already holds runs.
        """
        ...

    def seeds(self, path: Path) -> SeedRuns | None:
        """The runs of a folder that ``create_seeds`` made; None for any other. CheckpointError for a damaged one."""
        ...

    def holds(self, path: Path) -> bool:
        """Whether a folder holds a run."""
        ...

    def unused(self, name: str) -> Path:
        """<name>-001 where runs are kept, or the first number after it that is free; nobody else is given it."""
        ...

    def open(self, path: Path) -> Run:
        """Raises CheckpointError when the folder holds no run."""
        ...

    def home(self, path: Path) -> Path | None:
        """The run that a folder is or a checkpoint file belongs to; None for a checkpoint file on its own.

        Raises CheckpointError for a folder that holds no run, or a path where nothing is.
        """
        ...

    def load_checkpoint(self, path: Path) -> Checkpoint:
        """From where one was saved, or a run's folder (its best). Raises CheckpointError."""
        ...

    def load_pretrained(self, path: Path) -> Pretrained:
        """As ``load_checkpoint``, and also from a plain safetensors file. Raises CheckpointError."""
        ...
