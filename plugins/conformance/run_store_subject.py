"""Run stores under check, and the small checkpoints they are given to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from attrs import frozen

from ...domain.architecture.weights import Weights
from ...domain.ports.backend import TrainState
from ...domain.ports.checkpoints import Checkpoint, Run, RunStore
from ...domain.samples import Task
from ...domain.spec import ModelSpec
from . import expect
from .subject import lively, small_spec

_ODD = np.array([-0.0, np.nan, np.inf, -np.inf, 1e-45, 3.4028235e38], np.float32)


@frozen(eq=False)
class RunStoreSubject:
    """A run store under check.

    Attributes:
        make: gives a store without any run. Its argument is an empty folder, in which the paths of all runs will be; a
            store that keeps them elsewhere may take them for mere names.
    """

    make: Callable[[Path], RunStore]

    @property
    def name(self) -> str:
        """What reports call it."""
        return "run store"

    @contextmanager
    def store(self) -> Iterator[tuple[RunStore, Path]]:
        """A fresh one, and a folder for its runs that is not there yet."""
        with TemporaryDirectory() as folder:
            yield self.make(Path(folder)), Path(folder) / "runs"

    @contextmanager
    def run(self) -> Iterator[Run]:
        """A run in which nothing has happened yet."""
        with self.store() as (store, folder):
            yield store.create(folder / "first", {})


def checkpoint(number: int = 0, task: Task = Task.MULTICLASS) -> Checkpoint:
    """A resumable one, which no other number gives. Every set of its arrays is another, with odd numbers in them."""
    spec, first = _model(task)
    used, trained, moving = (_spoilt({name: a + 3 * number + i for name, a in first.items()}, i) for i in range(3))
    slots = {f"{slot}/{name}": np.negative(array) for slot in ("m", "v") for name, array in trained.items()}
    state = TrainState(trained, slots, step=100 + number, frozen=number % 7, averages=moving)
    progress = {
        "epoch": number,
        "losses": [0.1 + 0.2, float("inf")],
        "best": {"score": None, "note": "ü\n"},
        "on": True,
    }
    return Checkpoint(spec, used, state, progress)


def even(number: int) -> Checkpoint:
    """One whose every value is its number."""
    spec, first = _model(Task.MULTICLASS)
    weights = {name: np.full_like(array, number) for name, array in first.items()}
    return Checkpoint(spec, weights, TrainState(weights, {}, number), {"epoch": number})


def same_checkpoint(what: str, found: Checkpoint, wanted: Checkpoint) -> None:
    """Raises CheckFailed unless all is equal, arrays bit for bit."""
    expect.that(found.spec == wanted.spec, f"{what}: another description of the model")
    expect.that(found.progress == wanted.progress, f"{what}: progress {found.progress}, expected {wanted.progress}")
    same_bits(f"{what}, weights", found.weights, wanted.weights)
    there = "no training state" if found.state is None else "a training state"
    expect.that((found.state is None) == (wanted.state is None), f"{what}: there is {there}")
    if found.state is None or wanted.state is None:
        return
    for name in ("weights", "slots", "averages"):
        same_bits(f"{what}, {name} of the state", getattr(found.state, name), getattr(wanted.state, name))
    counts = [(state.step, state.frozen) for state in (found.state, wanted.state)]
    expect.that(counts[0] == counts[1], f"{what}: (step, frozen) is {counts[0]}, expected {counts[1]}")


def same_bits(what: str, found: Weights, wanted: Weights) -> None:
    """Raises CheckFailed unless names, types, shapes and bits are the same."""
    expect.that(set(found) == set(wanted), f"{what}: other names: {sorted(set(found) ^ set(wanted))[:3]}")
    for name, array in wanted.items():
        kinds = [(one.dtype, one.shape) for one in (found[name], array)]
        expect.that(kinds[0] == kinds[1], f"{what}: {name} is {kinds[0]}, expected {kinds[1]}")
        expect.that(found[name].tobytes() == array.tobytes(), f"{what}: {name} has other bits")


def arrays_of(kept: Checkpoint) -> list[Weights]:
    """Every set of arrays in it."""
    state = kept.state
    return [kept.weights] if state is None else [kept.weights, state.weights, state.slots, state.averages]


@cache
def _model(task: Task) -> tuple[ModelSpec, Weights]:
    """What checkpoints are of."""
    spec = small_spec(task)
    return spec, lively(spec.graph, 0)


def _spoilt(weights: Weights, shift: int) -> Weights:
    """With a number in the first place of each array that arithmetic or text would not bring back."""
    odd = {name: array.copy() for name, array in weights.items()}
    for place, array in enumerate(odd.values(), start=shift):
        array.flat[0] = _ODD[place % len(_ODD)]
    return odd
