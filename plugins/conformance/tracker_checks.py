"""What every listener to a run's events must do."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from attrs import frozen

from ...domain import events
from ...domain.events import Event
from ...domain.ports.tracking import Tracker
from . import expect

EVENTS: tuple[Event, ...] = (
    events.RunStarted("runs/first", 2, 3, facts={"device": "cpu", "backend": "none"}),
    events.WeightsTransferred("runs/zero", ("a.weight",), ("head.weight",), (), {"car": "auto"}),
    events.StepsDone(1, 3, 3, 0.7, 1e-3, 12.5),
    events.EpochDone(1, {"train_loss": 0.7, "val_miou": 0.5}, 1e-3, 2.0, True),
    events.CheckpointSaved(1, "checkpoints/best.safetensors", True),
    events.TrackerFailed("other", "OSError: no space left"),
    events.RunMended("runs/first", "last.safetensors is damaged. Its place is taken by the one before it."),
    events.RunFinished("runs/first", 2, 1, 0.5, "miou", "", 4.0),
    events.RunFailed("runs/first", 1, "interrupted"),
)
"""One of every kind, in an order in which a run could send them."""

ODD: tuple[Event, ...] = (
    events.RunStarted("läufe/" + "x" * 300, 0, 0, facts={"note": "two\nlines, [brackets] {braces} %s"}),
    events.StepsDone(1, 0, 0, math.nan, 0.0, math.inf),
    events.EpochDone(1, {}, 0.0, 0.0, False),
    events.EpochDone(2, {"val_miou": math.nan, "train_loss": -math.inf, "val_iou_a b/c:ü": 1e300}, 1e-30, 1e9, False),
    events.RunFinished("", 2, 0, math.nan, "miou", "two\nlines", 0.0),
)
"""Some that are right, and hard to write down."""


@frozen(eq=False)
class TrackerSubject:
    """A tracker under check: what opens one for the run in a folder."""

    open: Callable[[Path], Tracker]

    def follow(self, run: Path, heard: Iterable[Event]) -> None:
        """Opens one, tells it some events, and closes it."""
        tracker = self.open(run)
        for event in heard:
            tracker.handle(event)
        tracker.close()


def every_event_is_heard(subject: TrackerSubject) -> None:
    """Those that it does nothing with included."""
    with _run() as run:
        subject.follow(run, EVENTS)


def odd_values_are_survived(subject: TrackerSubject) -> None:
    """NaN, infinity, no numbers at all; names and texts of any kind and length."""
    with _run() as run:
        subject.follow(run, ODD)


def closing_twice_does_no_harm(subject: TrackerSubject) -> None:
    """Nor does closing one that has heard nothing."""
    with _run() as run:
        tracker = subject.open(run)
        tracker.close()
        tracker.close()


def a_resumed_run_goes_on_and_loses_nothing(subject: TrackerSubject) -> None:
    """Opened again in the same folder: what was written stays, at the beginning of its file."""
    with _run() as run:
        subject.follow(run, EVENTS[:-2])
        before = _files(run)
        subject.follow(run, [events.RunStarted("runs/first", 2, 3, epoch=1), *EVENTS[2:]])
        after = _files(run)
    lost = [str(path) for path, content in before.items() if not after.get(path, b"").startswith(content)]
    expect.that(not lost, f"files of the run so far were lost or written over: {', '.join(lost)}")


def nothing_is_written_outside_of_the_runs_folder(subject: TrackerSubject) -> None:
    """Beside it, that is."""
    with _run() as run:
        subject.follow(run, EVENTS)
        beside = [path.name for path in run.parent.iterdir() if path != run]
    expect.that(not beside, f"written beside the run's folder: {', '.join(beside)}")


def two_runs_at_once_do_not_mix(subject: TrackerSubject) -> None:
    """What is written of one is what is written without the other."""
    with _run() as run:
        alone, first, second = (run / name for name in ("alone", "first", "second"))
        for folder in (alone, first, second):
            folder.mkdir()
        subject.follow(alone, EVENTS)
        trackers = [subject.open(first), subject.open(second)]
        for event in EVENTS:
            trackers[0].handle(event)
        for tracker in trackers:
            tracker.close()
        sizes = [sum(len(content) for content in _files(folder).values()) for folder in (alone, first, second)]
    expect.that(sizes[1] == sizes[0], f"{sizes[1]} bytes of a run beside another, {sizes[0]} of one alone")
    expect.that(sizes[2] < sizes[0] or not sizes[0], "the run that nothing was said of was written of")


@contextmanager
def _run() -> Iterator[Path]:
    """A run's folder, and nothing on the terminal meanwhile."""
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        run = Path(folder) / "run"
        run.mkdir()
        yield run


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


CHECKS = (
    every_event_is_heard,
    odd_values_are_survived,
    closing_twice_does_no_harm,
    a_resumed_run_goes_on_and_loses_nothing,
    nothing_is_written_outside_of_the_runs_folder,
    two_runs_at_once_do_not_mix,
)

assert {type(event) for event in EVENTS} == set(get_args(Event)), "a kind of event is missing here"
