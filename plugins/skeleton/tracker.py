"""A tracker: it hears every event of a run, and here keeps the numbers of each epoch."""

from __future__ import annotations

import json
from pathlib import Path

from ...domain.events import EpochDone, Event


class ExampleTracker:
    """A line of JSON for each epoch, in example.jsonl of the run's folder.

    Args:
        run: the run's folder, which is no option.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / "example.jsonl"

    def handle(self, event: Event) -> None:
        """Takes what it needs; a run that is resumed goes on in the same file."""
        if isinstance(event, EpochDone):
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"epoch": event.epoch, **event.metrics}) + "\n")

    def close(self) -> None:
        """Nothing is open between lines."""
