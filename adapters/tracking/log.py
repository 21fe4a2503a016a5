"""A run's log.txt: what happened when, a line each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ...domain.events import Event, RunStarted
from .lines import line

LOG = "log.txt"


class LogTracker:
    """Implements ``domain.ports.tracking.Tracker``. A resumed run goes on in the same file.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / LOG
        self._epochs = 0

    def handle(self, event: Event) -> None:
        """Appends a line, and closes the file, so that it can be followed and survives a crash."""
        if isinstance(event, RunStarted):
            self._epochs = event.epochs
        text = line(event, self._epochs)
        if text is not None:
            now = datetime.now().astimezone().isoformat(" ", "seconds")
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{now}  {text}\n")

    def close(self) -> None:
        """Nothing is open between lines."""
