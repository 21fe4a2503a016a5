"""Who hears what happens in a run."""

from __future__ import annotations

from typing import Protocol

from ..events import Event


class Tracker(Protocol):
    """Hears every event of a run, in order. It must not slow the loop: events come per epoch and every few steps."""

    def handle(self, event: Event) -> None:
        """Takes note of an event."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...
