"""What a metric is: arithmetic on confusion counts, done once for all backends."""

from __future__ import annotations

from typing import Protocol

from ..metrics.confusion import Confusion
from ..metrics.score import Score


class Metric(Protocol):
    """From counts to a score with its definition. ``name`` is how settings and tables call it."""

    @property
    def name(self) -> str: ...
    @property
    def higher_is_better(self) -> bool: ...
    def __call__(self, confusion: Confusion) -> Score: ...
