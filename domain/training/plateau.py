"""The schedule that waits for the validation score to stop improving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen

from ..ranges import outside, reject
from .selection import Mode, improves, mode_problem


@frozen
class Plateau:
    """Times ``factor`` each time the score has not improved for more than ``patience`` validations.

    As torch's ReduceLROnPlateau with an absolute threshold. A value, not an object with a past: ``observe`` gives the
    next one, and what it remembers is saved with the checkpoint.

    Attributes:
        factor: in (0, 1).
        patience: validations without improvement that are borne, at least 0.
        min_delta: what a score must be better by to count as an improvement, at least 0.
        cooldown: validations after a cut in which nothing is counted, at least 0.
        floor: the multiplier never falls below, in [0, 1].
        mode: whether larger ("max") or smaller ("min") scores are better.
        scale: memory: the multiplier now.
        best: memory: the score to beat.
        waited: memory: validations since the last improvement or cut.
        cooling: memory: validations of cooldown left.
    """

    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    floor: float = 0.0
    mode: Mode = "max"
    scale: float = field(default=1.0, kw_only=True)
    best: float | None = field(default=None, kw_only=True)
    waited: int = field(default=0, kw_only=True)
    cooling: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        problems = [outside(name, getattr(self, name), 0) for name in ("patience", "min_delta", "cooldown")]
        problems += [outside("factor", self.factor, 0, 1, above=True, below=True), outside("floor", self.floor, 0, 1)]
        reject("schedule 'plateau'", [*problems, mode_problem(self.mode)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """The multiplier until the next score is observed, whatever the position."""
        return self.scale

    def observe(self, score: float) -> Plateau:
        """After the score of one validation; NaN is no improvement."""
        better = improves(score, self.best, self.mode, self.min_delta)
        cooling = max(self.cooling - 1, 0)
        waited = 0 if better or self.cooling else self.waited + 1
        best = float(score) if better else self.best
        if waited <= self.patience:
            return attrs.evolve(self, best=best, waited=waited, cooling=cooling)
        scale = max(self.scale * self.factor, self.floor)
        return attrs.evolve(self, best=best, waited=0, cooling=self.cooldown, scale=scale)

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values: options and memory."""
        return attrs.asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Plateau:
        """The reverse of ``to_data``. Raises TypeError or ValueError for anything else."""
        return cls(**data)
