"""Threads that read ahead: whatever becomes of one, the consumer hears of it soon, and afterwards all are gone."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.thread import _WorkItem

import pytest

from segport.adapters import prefetch
from segport.adapters.data.ordered_map import ordered_map
from segport.adapters.prefetch import ahead
from segport.domain.errors import DataError

SOON = 5.0
"""Seconds within which a thread's death is told, on a machine with other things to do."""


def mapped(items: Iterable[int]) -> Iterator[int]:
    return ordered_map(lambda item: item, items, 2, 4)


def worked(act: Callable[[int], int]) -> Iterator[int]:
    return ordered_map(act, range(100), 2, 4)


def fetched(act: Callable[[int], int]) -> Iterator[int]:
    return ahead(map(act, range(100)))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not left


@pytest.fixture(params=[worked, fetched], ids=["pool", "feed"])
def working(request: pytest.FixtureRequest) -> Callable[[Callable[[int], int]], Iterator[int]]:
    """Items worked out by threads, of either kind."""
    return request.param


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit("x"), BaseException("x")])
def test_what_ends_a_thread_is_no_end_of_the_program(working, error: BaseException) -> None:
    """`sys.exit()` in somebody's data set would have ended the training, with exit code 0."""

    def act(item: int) -> int:
        if item == 3:
            raise error
        return item

    found: list[int] = []
    began = time.monotonic()
    with pytest.raises(DataError, match=f"A thread that reads the data has died: {type(error).__name__}") as caught:
        found.extend(working(act))
    assert caught.value.__cause__ is error
    assert time.monotonic() - began < SOON


def test_an_ordinary_error_comes_as_it_is(working) -> None:
    with pytest.raises(ZeroDivisionError):
        list(working(lambda item: 1 // (item - 3)))


def test_one_that_cannot_even_begin() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise OSError("no beginning")

    with pytest.raises(OSError, match="no beginning"):
        list(ahead(Broken()))


def test_a_feed_that_dies_without_a_word_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(items: Iterable[int], fetched: queue.Queue[int], stopped: threading.Event) -> None:
        fetched.put(next(iter(items)))

    monkeypatch.setattr(prefetch, "_fetch", mute)
    items = ahead(range(100))
    assert next(items) == 0
    began = time.monotonic()
    with pytest.raises(DataError, match="A thread that reads the data has died"):
        next(items)
    assert time.monotonic() - began < SOON


def test_a_worker_that_dies_without_a_word_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it is killed between taking its work and beginning it: what it took is never done."""
    run, begun = _WorkItem.run, []

    def dying(work: _WorkItem[int]) -> None:
        begun.append(work)
        if len(begun) == 3:
            raise SystemExit
        run(work)

    monkeypatch.setattr(_WorkItem, "run", dying)
    began = time.monotonic()
    with pytest.raises(DataError, match="A thread that reads the data has died"):
        list(mapped(range(100)))
    assert time.monotonic() - began < SOON


def test_who_stops_early_stops_the_threads(working) -> None:
    items = working(lambda item: item)
    assert next(items) == 0
    items.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("segport")]


def test_one_behind_the_other_end_together() -> None:
    """As in a training: threads that decode, and one that feeds the device."""
    decoded = mapped(range(100))
    fed = ahead(decoded)
    assert [next(fed) for _ in range(3)] == [0, 1, 2]
    fed.close()
    decoded.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("segport")]
