"""The trackers of a run. They hear every event, and none of them can end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ...domain.errors import in_one_line
from ...domain.events import Event, TrackerFailed
from ...domain.ports.tracking import Tracker


class Trackers:
    """Hands events on. A tracker that raises is dropped, and told of once.

    Args:
        openers: what opens each tracker for a run's folder, by name. It is opened when the first event comes.
        run: the run's folder.
    """

    def __init__(self, openers: Mapping[str, Callable[[Path], Tracker]], run: Path) -> None:
        self._openers = dict(openers)
        self._run = run
        self._open: dict[str, Tracker] = {}

    def handle(self, event: Event) -> list[TrackerFailed]:
        """Every tracker hears it. Returns those that failed, which will hear nothing more."""
        return self._each(lambda tracker: tracker.handle(event))

    def close(self) -> list[TrackerFailed]:
        """Nothing more will come. Returns those that failed."""
        self._openers = {name: opener for name, opener in self._openers.items() if name in self._open}
        return self._each(lambda tracker: tracker.close())

    def _each(self, act: Callable[[Tracker], None]) -> list[TrackerFailed]:
        failed = []
        for name in list(self._openers):
            try:
                act(self._tracker(name))
            except Exception as error:  # noqa: BLE001 - what goes wrong beside a run must not end it
                failed.append(TrackerFailed(name, in_one_line(error)))
                self._drop(name)
        return failed

    def _drop(self, name: str) -> None:
        del self._openers[name]
        with suppress(Exception):
            self._open[name].close()

    def _tracker(self, name: str) -> Tracker:
        if name not in self._open:
            self._open[name] = self._openers[name](self._run)
        return self._open[name]
