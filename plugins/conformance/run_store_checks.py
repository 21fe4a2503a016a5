"""What every run store must do: create runs, find them, and keep them apart."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, chdir, suppress
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

from ...domain.errors import CheckpointError
from ...domain.events import EpochDone, RunFinished
from ...domain.ports.checkpoints import RunStore, SeedRuns
from . import expect
from .run_store_subject import RunStoreSubject, even

_THREADS = 8
_TABLES: dict[str, Any] = {
    "seed": 41,
    "train": {"rate": 1e-3, "best": [1, 2], "on": True, "note": 'two\nlines, "quoted" \\ ü', "empty": []},
    "loss": {"a name.with a dot": {"weights": [0.1 + 0.2, 1e300, -5.0]}},
}
_SEEDS = {"seeds": [3, 1, 2], "train": {"epochs": 2}}


def a_run_is_created_once_and_found_again(subject: RunStoreSubject) -> None:
    """Creating it a second time is refused and harms nothing."""
    with subject.store() as (store, folder):
        path = folder / "deep" / "first"
        expect.that(not store.holds(path), "a run is there that nobody created")
        run = store.create(path, _TABLES)
        run.record(EpochDone(1, {"train_loss": 0.5}, 0.1, 1.0, True))
        run.save_last(even(1))
        for attempt in ({}, _TABLES):
            expect.raises(CheckpointError, "a second run in one folder", partial(store.create, path, attempt))
        expect.raises(CheckpointError, "seeds in the folder of a run", lambda: _enter(store.create_seeds(path, _SEEDS)))
        found = store.open(path)
        expect.that(store.holds(path), "a run that was created is not there")
        expect.that(_one(found.path, path) and _one(store.home(path), path), f"its folder is {found.path}")
        expect.that(len(found.metrics()) == 1 and found.last() is not None, "what it held is gone")
        expect.that(store.seeds(path) is None, "a run is taken for runs of several seeds")


def what_holds_no_run_is_refused(subject: RunStoreSubject) -> None:
    """With CheckpointError that names it: where nothing is, and where a folder was claimed for a run to come."""
    with subject.store() as (store, folder):
        _nothing(store, folder / "nowhere")
        with store.claim(folder / "claimed"):
            _nothing(store, folder / "claimed")


def its_configuration_comes_back(subject: RunStoreSubject) -> None:
    """Text, numbers, lists and tables as they were, whatever is done to what was handed in or out."""
    with subject.store() as (store, folder):
        given = deepcopy(_TABLES)
        run = store.create(folder / "first", given)
        for _ in range(2):
            for found in (run.configuration(), store.open(run.path).configuration()):
                expect.that(dict(found) == _TABLES, f"created with {_TABLES}, it has {dict(found)}")
            given["train"]["rate"] = found["train"]["rate"] = 77


def runs_share_nothing(subject: RunStoreSubject) -> None:
    """What one is told and given to keep, another does not have."""
    with subject.store() as (store, folder):
        first, second = store.create(folder / "first", {"seed": 1}), store.create(folder / "second", {"seed": 2})
        first.record(EpochDone(1, {}, 0.1, 1.0, True))
        first.record(RunFinished("first", 1, 1, 0.5, "miou", "", 4.0))
        first.save_last(even(1))
        first.save_best(even(1), epoch=1, metric="miou", score=0.5)
        expect.that(second.configuration() == {"seed": 2}, "one run has the configuration of another")
        shared = second.last() is not None or second.metrics() or second.finished()
        expect.that(not shared, "a run has what another was told")
        expect.raises(CheckpointError, "the best of another run", lambda: second.load("best"))
        second.rewind(0)
        expect.that(len(first.metrics()) == 1, "rewinding a run rewound another")


def a_folder_is_claimed_by_one_training_at_a_time(subject: RunStoreSubject) -> None:
    """Another is refused with CheckpointError; leaving the block frees it, after an error as well. Others are free."""
    with subject.store() as (store, folder):
        path, other = folder / "first", folder / "other"
        with store.claim(path) as before:
            expect.that(before == "", f"nobody was here, and {before!r} is said to have died")
            expect.raises(CheckpointError, "a second claim", lambda: _enter(store.claim(path)))
            _enter(store.claim(other))
        for error in (ValueError, KeyboardInterrupt):
            expect.raises(error, "an error in the block", partial(_enter, store.claim(path), error))
        expect.that(not path.exists(), "an empty folder stays when the claim ends")
        with store.claim(path):
            run = store.create(path, {})
        expect.that(store.holds(path), "the run went with the claim")
        with store.claim(path):
            run.save_last(even(1))
        expect.that(run.last() is not None, "what was saved went with the claim")


def of_many_claims_at_once_one_is_granted(subject: RunStoreSubject) -> None:
    """As when several trainings are started together."""
    with subject.store() as (store, folder):
        tried = Barrier(_THREADS)

        def granted() -> bool:
            try:
                with store.claim(folder / "first"):
                    tried.wait(timeout=60)
            except CheckpointError:
                tried.wait(timeout=60)
                return False
            return True

        won = sum(_together(granted))
    expect.that(won == 1, f"{won} of {_THREADS} were granted the same folder")


def an_unused_folder_is_given_once(subject: RunStoreSubject) -> None:
    """Called by the name and a number, from 001 on; never one that holds a run, and to nobody else, from any thread."""
    with subject.store() as (store, folder), chdir(folder.parent):
        first = store.unused("cells")
        expect.that(first.name == "cells-001", f"the first folder for cells is called {first.name}")
        taken = first.with_name("cells-003")
        store.create(taken, {})
        given = [first, taken, *_together(lambda: store.unused("cells"))]
        expect.that(len(set(given)) == len(given), f"a folder was given twice: {sorted(map(str, given))}")
        expect.that(store.unused("other").name == "other-001", "one name uses up the numbers of another")
        store.create(first, {})
        expect.that(store.holds(first), "an unused folder cannot be used")


def runs_of_several_seeds_are_created_together(subject: RunStoreSubject) -> None:
    """Their folder tells the seeds, holds no run itself, and is not given to others."""
    with subject.store() as (store, folder):
        path, given = folder / "several", deepcopy(_SEEDS)
        expect.that(store.seeds(path) is None, "seeds are there that nobody created")
        with store.create_seeds(path, given) as made:
            store.create(made.runs[1], {})
        given["seeds"] = [77]
        again = store.seeds(path)
        for what, found in (("created", made), ("asked for again", again)):
            expect.that(_tells(found, path), f"{what}: {found}, expected the runs of {_SEEDS}")
        expect.that(store.holds(made.runs[1]) and not store.holds(made.runs[2]), "its runs are mixed up")
        expect.that(not store.holds(path), "a folder of several runs is taken for one")
        expect.raises(CheckpointError, "opening several runs as one", lambda: store.open(path))
        expect.raises(CheckpointError, "a run in place of several", lambda: store.create(path, {}))
        expect.raises(CheckpointError, "seeds in place of others", lambda: _enter(store.create_seeds(path, _SEEDS)))


def seeds_are_forgotten_after_an_error_before_the_first_run(subject: RunStoreSubject) -> None:
    """Also after an interruption. From the first run on they stay."""
    with subject.store() as (store, folder):
        path = folder / "several"
        for error in (ValueError, KeyboardInterrupt):
            expect.raises(error, "an error in the block", partial(_enter, store.create_seeds(path, _SEEDS), error))
            expect.that(store.seeds(path) is None and not path.exists(), "seeds without a run stay after an error")
        with suppress(ValueError), store.create_seeds(path, _SEEDS) as made:
            store.create(made.runs[3], {})
            raise ValueError
        expect.that(_tells(store.seeds(path), path), "seeds with a run went after an error")
        expect.that(store.holds(made.runs[3]), "a run went with its seeds")


def _nothing(store: RunStore, path: Path) -> None:
    expect.that(not store.holds(path), f"{path.name} is said to hold a run")
    expect.that(store.seeds(path) is None, f"{path.name} is said to hold runs of several seeds")
    asked: tuple[Callable[[Path], object], ...] = (
        *(store.open, store.home, store.load_checkpoint, store.load_pretrained),
    )
    for ask in asked:
        try:
            ask(path)
        except CheckpointError as error:
            expect.that(path.name in str(error), f"{ask.__name__}: the error does not name {path.name}: {error}")
        else:
            raise expect.CheckFailed(f"{ask.__name__} took {path.name}, which holds no run")


def _tells(found: SeedRuns | None, path: Path) -> bool:
    if found is None or list(found.runs) != _SEEDS["seeds"] or dict(found.configuration) != _SEEDS:
        return False
    return all(_one(run.parent, path) for run in found.runs.values())


def _enter(block: AbstractContextManager[object], error: type[BaseException] | None = None) -> None:
    """Into the block and out again, with an error where one is given."""
    with block:
        if error is not None:
            raise error


def _together(function: Callable[[], Any]) -> list[Any]:
    """What it gives in each of several threads that begin at once."""
    ready = Barrier(_THREADS)

    def begun(_: int) -> Any:
        ready.wait(timeout=60)
        return function()

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(begun, range(_THREADS)))


def _one(path: Path | None, other: Path) -> bool:
    """Whether both are one place, however it is written."""
    return path is not None and path.resolve() == other.resolve()


CHECKS = (
    a_run_is_created_once_and_found_again,
    what_holds_no_run_is_refused,
    its_configuration_comes_back,
    runs_share_nothing,
    a_folder_is_claimed_by_one_training_at_a_time,
    of_many_claims_at_once_one_is_granted,
    an_unused_folder_is_given_once,
    runs_of_several_seeds_are_created_together,
    seeds_are_forgotten_after_an_error_before_the_first_run,
)
