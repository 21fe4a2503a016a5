"""What every run must keep: what it was told while it went on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...domain.events import EpochDone, Event, RunFailed, RunFinished, RunStarted
from . import expect
from .run_store_subject import RunStoreSubject
from .tracker_checks import EVENTS, ODD

_EPOCHS = (
    EpochDone(1, {"train_loss": 0.1 + 0.2}, 1e-3, 12.5, False),
    EpochDone(2, {"train_loss": 1e-17, "val_miou": math.nan, 'val_iou_"a", b/c:ü': 1 / 3}, 5e-4, 1.0, True),
    EpochDone(3, {"train_loss": math.inf, "val_miou": 1.0, "val_loss": -1e300}, 1e-30, 0.0, True),
)
_AGAIN = EpochDone(2, {"train_loss": 0.25}, 1e-4, 3.0, False)


def every_event_is_taken(subject: RunStoreSubject) -> None:
    """NaN, infinity, no numbers at all, texts of any kind and length; a row is made of an epoch's end alone."""
    with subject.run() as run:
        for event in (*EVENTS, *ODD):
            before = len(run.metrics())
            run.record(event)
            if not isinstance(event, EpochDone):
                expect.that(len(run.metrics()) == before, f"{type(event).__name__} changed the rows")


def metrics_are_a_row_an_epoch_with_every_number_as_it_was(subject: RunStoreSubject) -> None:
    """In order, exact, NaN and infinity included; an epoch has the columns that it was told with. Seconds are none."""
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        expect.that(list(run.metrics()) == [], "a run that was just created has rows")
        for count, event in enumerate(_EPOCHS, start=1):
            run.record(event)
            _rows("rows", run.metrics(), _EPOCHS[:count])
        _rows("rows of the run opened again", store.open(run.path).metrics(), _EPOCHS)
        for row in run.metrics():
            if isinstance(row, dict):
                row.clear()
        _rows("rows, after those handed out were cleared", run.metrics(), _EPOCHS)


def an_epoch_told_again_takes_its_first_tellings_place(subject: RunStoreSubject) -> None:
    """And those of later epochs are gone, as if it had been rewound."""
    with subject.run() as run:
        for event in (*_EPOCHS, _AGAIN):
            run.record(event)
        _rows("rows", run.metrics(), (_EPOCHS[0], _AGAIN))


def rewinding_drops_later_rows_and_no_others(subject: RunStoreSubject) -> None:
    """Nothing is said of that. What is told then stands as if it had been told at once."""
    with subject.run() as run:
        for event in _EPOCHS:
            run.record(event)
        for epochs in (3, 2, 2, 0):
            said = run.rewind(epochs)
            expect.that(said == "", f"rewinding a whole run to {epochs} epochs said {said!r}")
            _rows(f"rows, rewound to {epochs} epochs", run.metrics(), _EPOCHS[:epochs])
        for event in _EPOCHS:
            run.record(event)
        _rows("rows, told again", run.metrics(), _EPOCHS)


def a_run_is_finished_from_its_end_until_it_begins_again(subject: RunStoreSubject) -> None:
    """Not by the last epoch, and not by a failure."""
    started, failed = RunStarted("runs/first", 3, 3), RunFailed("runs/first", 1, "interrupted")
    finished = RunFinished("runs/first", 3, 3, 0.5, "miou", "", 4.0)
    told: tuple[tuple[Event, bool], ...] = (
        *((started, False), (_EPOCHS[0], False), (failed, False), (started, False), (finished, True)),
        *((started, False), (failed, False), (started, False), (finished, True)),
    )
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        expect.that(not run.finished(), "a run that was just created is finished")
        for event, ended in told:
            run.record(event)
            for one in (run, store.open(run.path)):
                found = one.finished()
                expect.that(found == ended, f"after {type(event).__name__}, finished() is {found}")


def _rows(what: str, found: Sequence[Mapping[str, float]], wanted: Sequence[EpochDone]) -> None:
    """Whether they are those of the events; text tells NaN from other numbers, and each number from the next."""
    rows = [{name: repr(float(value)) for name, value in row.items()} for row in found]
    right = [{"epoch": e.epoch, "rate": e.rate, **e.metrics} for e in wanted]
    expected = [{name: repr(float(value)) for name, value in row.items()} for row in right]
    expect.that(rows == expected, f"{what}: {rows}, expected {expected}")


CHECKS = (
    every_event_is_taken,
    metrics_are_a_row_an_epoch_with_every_number_as_it_was,
    an_epoch_told_again_takes_its_first_tellings_place,
    rewinding_drops_later_rows_and_no_others,
    a_run_is_finished_from_its_end_until_it_begins_again,
)
