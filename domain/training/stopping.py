"""Early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen

from ..ranges import outside, reject
from .selection import Mode, improves, mode_problem


@frozen
class EarlyStopping:
    """Stops when scores have not risen for ``patience`` validations in a row.

    Source: Prechelt 1998, "Early Stopping - But When?", criterion UP, with the best score in place of the last strip.

    Attributes:
        patience: validations without improvement after which to stop; 0 never stops.
        min_delta: what a score must be better by to count as an improvement, at least 0.
        mode: whether larger ("max") or smaller ("min") is better.
        best: memory: the score to beat.
        waited: memory: validations since the last improvement. A NaN score is no improvement.
    """

    patience: int = 0
    min_delta: float = 0.0
    mode: Mode = "max"
    best: float | None = field(default=None, kw_only=True)
    waited: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        problems = [outside("patience", self.patience, 0), outside("min_delta", self.min_delta, 0)]
        reject("early stopping", [*problems, mode_problem(self.mode)])

    @property
    def stop(self) -> bool:
        """Whether it is time to stop."""
        return 0 < self.patience <= self.waited

    def observe(self, score: float) -> EarlyStopping:
        """After the score of one validation."""
        if improves(score, self.best, self.mode, self.min_delta):
            return attrs.evolve(self, best=float(score), waited=0)
        return attrs.evolve(self, waited=self.waited + 1)

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values: options and memory."""
        return attrs.asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> EarlyStopping:
        """The reverse of ``to_data``. Raises TypeError or ValueError for anything else."""
        return cls(**data)
