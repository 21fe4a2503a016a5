"""How far a run has come: all that a resume needs besides weights and optimizer state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from attrs import frozen

from ...domain.arrays import Counts
from ...domain.errors import CheckpointError
from ...domain.ports.backend import StepTally
from ...domain.ports.checkpoints import Run
from ...domain.training.plateau import Plateau
from ...domain.training.selection import Best
from ...domain.training.stopping import EarlyStopping


@frozen(eq=False)
class Progress:
    """A position between two updates.

    Attributes:
        epoch: epochs wholly done.
        step: batches of the running epoch already trained on.
        loss_sum: over those batches, added one by one so that it does not depend on when they were read.
        counts: training confusion of the running epoch.
        best: the best validation so far.
        stopping: early stopping's memory.
        plateau: the plateau schedule's memory, where that schedule is used.
    """

    best: Best
    stopping: EarlyStopping
    counts: Counts
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    plateau: Plateau | None = None

    def stepped(self, tally: StepTally) -> Progress:
        """After the steps of a tally."""
        total = self.loss_sum
        for loss in tally.losses.tolist():
            total += loss
        step = self.step + len(tally.losses)
        return attrs.evolve(self, step=step, loss_sum=total, counts=self.counts + tally.counts)

    def next_epoch(self) -> Progress:
        """At the start of the next epoch."""
        return attrs.evolve(self, epoch=self.epoch + 1, step=0, loss_sum=0.0, counts=np.zeros_like(self.counts))

    def ended(self, epochs: int) -> bool:
        """Whether training is over: all ``epochs`` done, or stopped early."""
        return self.epoch >= epochs or self.stopping.stop

    @property
    def mean_loss(self) -> float:
        """Of the running epoch's batches; NaN before the first."""
        return self.loss_sum / self.step if self.step else float("nan")

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values; floats survive exactly."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "counts": self.counts.tolist(),
            "best": self.best.to_data(),
            "stopping": self.stopping.to_data(),
            "plateau": self.plateau.to_data() if self.plateau else None,
        }

    @classmethod
    def of(cls, run: Run) -> Progress | None:
        """How far a run has come by its last checkpoint; None before the first. Raises CheckpointError."""
        last = run.last()
        return cls.from_data(last.progress) if last is not None and last.progress is not None else None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Progress:
        """Raises CheckpointError for anything that is not what ``to_data`` writes."""
        try:
            return cls(
                best=Best.from_data(data["best"]),
                stopping=EarlyStopping.from_data(data["stopping"]),
                counts=np.asarray(data["counts"], dtype=np.int64),
                epoch=int(data["epoch"]),
                step=int(data["step"]),
                loss_sum=float(data["loss_sum"]),
                plateau=Plateau.from_data(data["plateau"]) if data["plateau"] else None,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"The checkpoint's training progress cannot be read: {error!r}.") from None
