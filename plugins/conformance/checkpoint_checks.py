"""What every run must keep: its checkpoints."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
from attrs import evolve

from ...domain.errors import CheckpointError
from ...domain.ports.checkpoints import Checkpoint, Run
from ...domain.samples import Task
from . import expect
from .run_store_subject import RunStoreSubject, arrays_of, checkpoint, even, same_bits, same_checkpoint

_LOOKS = 40
_METRIC = "val/iou of a b, ü"


def a_checkpoint_comes_back_as_it_was_saved(subject: RunStoreSubject) -> None:
    """Of every task: arrays bit for bit, the training state, progress, and the model's description."""
    with subject.store() as (store, folder):
        for task in Task:
            run = store.create(folder / task.value, {})
            for number, wanted in enumerate((checkpoint(1, task), evolve(checkpoint(2, task), state=None)), start=1):
                run.save_last(wanted)
                for what, found in (("last()", run.last()), ("opened again", store.open(run.path).load("last"))):
                    expect.that(found is not None, f"{task.value}, {what}: nothing was saved")
                    assert found is not None
                    same_checkpoint(f"{task.value}, checkpoint {number}, {what}", found, wanted)


def last_is_the_latest_and_none_before_the_first(subject: RunStoreSubject) -> None:
    """Also after a best was saved, which is no place to go on from."""
    with subject.run() as run:
        expect.that(run.last() is None, "a run that was just created has a last checkpoint")
        run.save_best(even(7), epoch=7, metric="miou", score=0.5)
        expect.that(run.last() is None, "saving the best made it the last")
        for number in (1, 2, 3):
            run.save_last(even(number))
            _is(run, "last", number)


def best_is_the_latest_saved_as_such_without_training_state(subject: RunStoreSubject) -> None:
    """Under the name it was saved as, too; whatever metric it is the best by. ``last`` stays what it was."""
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        run.save_last(even(9))
        for number, score in ((1, -0.25), (2, float("nan")), (5, 1e9)):
            path = run.save_best(checkpoint(number), epoch=number, metric=_METRIC, score=score)
            wanted = evolve(checkpoint(number), state=None)
            same_checkpoint("best", run.load("best"), wanted)
            same_checkpoint(f"best by its name, {path.name}", run.load(path.name), wanted)
            same_checkpoint("the checkpoint of the run's folder", store.load_checkpoint(run.path), wanted)
        _is(run, "last", 9)


def a_checkpoint_belongs_to_its_run(subject: RunStoreSubject) -> None:
    """By the path that saving it gave: it is loaded, and its run found. A copy elsewhere belongs to none."""
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        saved = [run.save_best(even(3), epoch=3, metric="miou", score=0.5), run.save_last(even(4))]
        for path, number in zip(saved, (3, 4), strict=True):
            home = store.home(path)
            expect.that(home is not None and _one(home, run.path), f"{path.name} is said to belong to {home}")
            _holds(path.name, store.load_checkpoint(path), number)
            if path.is_file():
                copy = folder.parent / f"alone{path.suffix}"
                copy.write_bytes(path.read_bytes())
                expect.that(store.home(copy) is None, f"a copy elsewhere is said to belong to {store.home(copy)}")
                _holds("a copy elsewhere", store.load_checkpoint(copy), number)


def weights_to_begin_with_are_those_of_the_best(subject: RunStoreSubject) -> None:
    """And the model's description comes with them."""
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        wanted = checkpoint(1)
        path = run.save_best(wanted, epoch=1, metric="miou", score=0.5)
        run.save_last(checkpoint(2))
        for given in (run.path, path):
            found = store.load_pretrained(given)
            expect.that(found.spec == wanted.spec, f"{given.name}: another description of the model")
            same_bits(given.name, found.weights, wanted.weights)


def a_checkpoint_that_is_not_there_is_refused_by_its_name(subject: RunStoreSubject) -> None:
    """With CheckpointError, as the best of a run that has none yet."""
    with subject.store() as (store, folder):
        run = store.create(folder / "first", {})
        for which in ("best", "last", "epoch-0007"):
            _refused(run, which)
        expect.raises(CheckpointError, "the best of a run without any", lambda: store.load_checkpoint(run.path))
        expect.raises(CheckpointError, "weights of a run without any", lambda: store.load_pretrained(run.path))
        run.save_last(even(1))
        _refused(run, "best")


def what_is_kept_is_a_copy(subject: RunStoreSubject) -> None:
    """A session goes on changing what it handed in, and who loads a checkpoint may write into it."""
    with subject.run() as run:
        for name, wanted in (("last", checkpoint(1)), ("best", evolve(checkpoint(2), state=None))):
            given = checkpoint(1 if name == "last" else 2)
            if name == "last":
                run.save_last(given)
            else:
                run.save_best(given, epoch=2, metric="miou", score=0.5)
            _spoil(given)
            same_checkpoint(f"{name}, what was handed in being changed", run.load(name), wanted)
            _spoil(run.load(name))
            same_checkpoint(f"{name}, what was handed out being changed", run.load(name), wanted)


def rewinding_brings_back_the_best_before(subject: RunStoreSubject) -> None:
    """As after an interruption between saving the best and saving the last: the one before it is kept for that."""
    with subject.run() as run:
        for epoch in (2, 5):
            run.save_best(even(epoch), epoch=epoch, metric="miou", score=epoch / 10)
        run.save_last(even(4))
        for epochs, best in ((5, 5), (4, 2), (2, 2)):
            run.rewind(epochs)
            _is(run, "best", best)
        run.save_best(even(5), epoch=5, metric="miou", score=0.5)
        _is(run, "best", 5)
        run.rewind(1)
        _refused(run, "best")
        _is(run, "last", 4)


def a_damaged_last_is_refused_and_the_one_before_takes_its_place(subject: RunStoreSubject) -> None:
    """Never read as if it were whole. ``recover`` leaves a whole one alone."""
    with subject.run() as run:
        expect.that(run.recover() == "", "a run without a checkpoint is said to be mended")
        run.save_last(even(1))
        path = run.save_last(even(2))
        expect.that(run.recover() == "", "a whole checkpoint is said to be mended")
        _is(run, "last", 2)
        if not path.is_file():
            raise expect.Lacking("checkpoints that are files, to damage one")
        whole = path.read_bytes()
        for damaged in (whole[:-1], b"", whole[:-1] + bytes([whole[-1] ^ 1])):
            path.write_bytes(damaged)
            expect.raises(CheckpointError, f"{len(damaged)} of {len(whole)} bytes", run.last)
        expect.that(bool(run.recover()), "a damaged checkpoint is mended without a word")
        _is(run, "last", 1)


def a_checkpoint_is_whole_while_another_takes_its_place(subject: RunStoreSubject) -> None:
    """A run is looked at while it trains: what is read is one checkpoint, before or after, and never an error."""
    with subject.run() as run, ThreadPoolExecutor(1) as pool:
        _save(run, 1)
        looking = pool.submit(_look, run)
        for number in count(2):
            _save(run, number)
            if looking.done():
                break
        looking.result()


def _save(run: Run, number: int) -> None:
    run.save_last(even(number))
    run.save_best(even(number), epoch=number, metric="miou", score=0.5)


def _look(run: Run) -> None:
    for which in ("last", "best") * _LOOKS:
        found = run.load(which)
        expect.that(found.progress is not None, f"{which}, read while another is saved, has no progress")
        assert found.progress is not None
        _holds(f"{which}, read while another is saved", found, found.progress["epoch"])


def _is(run: Run, which: str, number: int) -> None:
    """Whether that checkpoint is ``even(number)``."""
    _holds(which, run.load(which), number)
    if which == "last":
        last = run.last()
        expect.that(last is not None, "last() gives none, though one was saved")
        assert last is not None
        _holds("last()", last, number)


def _holds(what: str, found: Checkpoint, number: int) -> None:
    values = {float(value) for array in found.weights.values() for value in np.unique(array)}
    epoch = found.progress and found.progress["epoch"]
    expect.that(values == {float(number)}, f"{what}: weights of {sorted(values)[:3]}, expected those of {number}")
    expect.that(epoch == number, f"{what}: progress of epoch {epoch}, expected {number}")


def _refused(run: Run, which: str) -> None:
    try:
        run.load(which)
    except CheckpointError as error:
        expect.that(which in str(error), f"the error does not name {which!r}: {error}")
    else:
        raise expect.CheckFailed(f"{which!r} was loaded, which was never saved")


def _spoil(given: Checkpoint) -> None:
    """Writes into all that can be written into."""
    for arrays in arrays_of(given):
        for array in arrays.values():
            if array.flags.writeable:
                array.fill(77)
    if isinstance(given.progress, dict):
        given.progress["epoch"] = 77
        given.progress["losses"].append(77)


def _one(path: Path, other: Path) -> bool:
    """Whether both are one place, however it is written."""
    return path.resolve() == other.resolve()


CHECKS = (
    a_checkpoint_comes_back_as_it_was_saved,
    last_is_the_latest_and_none_before_the_first,
    best_is_the_latest_saved_as_such_without_training_state,
    a_checkpoint_belongs_to_its_run,
    weights_to_begin_with_are_those_of_the_best,
    a_checkpoint_that_is_not_there_is_refused_by_its_name,
    what_is_kept_is_a_copy,
    rewinding_brings_back_the_best_before,
    a_damaged_last_is_refused_and_the_one_before_takes_its_place,
    a_checkpoint_is_whole_while_another_takes_its_place,
)
