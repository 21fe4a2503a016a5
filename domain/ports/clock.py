"""Time, so that nothing else reads it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall and monotonic time."""

    def now(self) -> str:
        """UTC now, ISO 8601 with seconds: "2026-11-21T12:00:00Z"."""
        ...

    def seconds(self) -> float:
        """Monotonic seconds."""
        ...
