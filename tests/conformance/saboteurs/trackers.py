"""Trackers broken on purpose."""

from __future__ import annotations

import json
from pathlib import Path

from segport.domain.events import EpochDone, RunStarted
from segport.plugins.conformance import tracker_checks as tracker
from segport.tests.conformance.saboteurs.kind import Saboteurs


class Notes:
    """A line an event."""

    def __init__(self, run: Path):
        self.path = run / "notes.txt"

    def handle(self, event):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{event}\n")

    def close(self):
        pass


class KnowsTwoEvents(Notes):
    def handle(self, event):
        if not isinstance(event, RunStarted | EpochDone):
            raise TypeError(f"what is {event}?")
        super().handle(event)


class WritesStrictJson(Notes):
    def handle(self, event):
        if isinstance(event, EpochDone):
            json.dumps(dict(event.metrics), allow_nan=False)


class ClosesOnce(Notes):
    closed = False

    def close(self):
        if self.closed:
            raise OSError("closed already")
        self.closed = True


class BeginsAnew(Notes):
    def __init__(self, run: Path):
        super().__init__(run)
        self.path.write_text("")


class WritesBeside(Notes):
    def __init__(self, run: Path):
        super().__init__(run.parent)


class SharesItsPath(Notes):
    def __init__(self, run: Path):
        type(self).path = run / "notes.txt"


CAUGHT_BY: dict[type, str] = {
    KnowsTwoEvents: "every_event_is_heard",
    WritesStrictJson: "odd_values_are_survived",
    ClosesOnce: "closing_twice_does_no_harm",
    BeginsAnew: "a_resumed_run_goes_on_and_loses_nothing",
    WritesBeside: "nothing_is_written_outside_of_the_runs_folder",
    SharesItsPath: "two_runs_at_once_do_not_mix",
}
TRACKERS = Saboteurs(CAUGHT_BY, tracker.CHECKS, tracker.TrackerSubject, Notes)
