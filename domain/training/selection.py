"""The best epoch so far, and what "better" means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs
from attrs import frozen

from ..ranges import reject

Mode: TypeAlias = Literal["max", "min"]
"""Whether larger or smaller scores are better."""


def better(monitor: str) -> Mode:
    """What is better of a monitored number, named with its part or without: "min" of a loss, "max" of a score."""
    return "min" if monitor.removeprefix("val_") == "loss" else "max"


def improves(score: float, best: float | None, mode: Mode, min_delta: float = 0.0) -> bool:
    """Whether ``score`` beats ``best`` by more than ``min_delta``. NaN and infinity never do; any number beats None."""
    if not math.isfinite(score):
        return False
    return best is None or (score - best if mode == "max" else best - score) > min_delta


def mode_problem(mode: str) -> str:
    """What is wrong with a mode, or ""."""
    return "" if mode in ("max", "min") else f"mode = {mode!r}: expected 'max' or 'min'."


@frozen
class Best:
    """The best score seen, and its epoch. Of equal scores the earliest wins; NaN never does.

    Attributes:
        mode: whether larger ("max") or smaller ("min") is better.
        epoch: of the best score; 0 before the first.
        value: the best score; None before the first.
        improved: whether the score observed last is the best one.
    """

    mode: Mode = "max"
    epoch: int = 0
    value: float | None = None
    improved: bool = False

    def __attrs_post_init__(self) -> None:
        reject("the best score", [mode_problem(self.mode)])

    @property
    def score(self) -> float:
        """The best score; NaN before the first."""
        return math.nan if self.value is None else self.value

    def observe(self, epoch: int, score: float) -> Best:
        """After the score of an epoch; epochs come in rising order."""
        if not improves(score, self.value, self.mode):
            return attrs.evolve(self, improved=False)
        return attrs.evolve(self, epoch=epoch, value=float(score), improved=True)

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values."""
        return attrs.asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Best:
        """The reverse of ``to_data``. Raises TypeError or ValueError for anything else."""
        return cls(**data)
