"""What a metric is: arithmetic on confusion counts, done once for all backends."""

from __future__ import annotations

from typing import Protocol

from ..metrics.confusion import Confusion
from ..metrics.score import Score


class Metric(Protocol):
    """From counts to a score with its definition. ``name`` is how settings and tables call it."""

    @property
    def name(self) -> str:
        """What settings and tables call it."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is a better one."""
        ...

    def __call__(self, confusion: Confusion) -> Score:
        """The score of summed or single counts; NaN where it is undefined."""
        ...
