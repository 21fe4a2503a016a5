"""Items fetched a little ahead of their consumer, by a thread. Shared by the backends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from ..domain.errors import DataError

T = TypeVar("T")

_AHEAD = 2
PATIENCE = 0.1
"""Seconds between two looks at whether the other side is still there."""


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Every item in order, taken from ``items`` by a thread up to two ahead.

    Closing the iterator stops the thread and closes ``items``. An error in ``items`` is raised here, and DataError
    where the thread has died of something else.
    """
    fetched: queue.Queue[T | _Failure | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()
    worker = threading.Thread(target=_fetch, args=(items, fetched, stopped), name="segport-feed", daemon=True)
    worker.start()
    try:
        while (item := _next(fetched, worker)) is not None:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        worker.join()


def ordinary(error: BaseException) -> Exception:
    """An error of another thread, to be raised in this one: ``sys.exit`` in there must not end the program here."""
    if isinstance(error, Exception):
        return error
    ended = dead(f"{type(error).__name__}({error})")
    ended.__cause__ = error
    return ended


def dead(reason: str) -> DataError:
    """A thread that fetches data is no more."""
    return DataError(f"A thread that reads the data has died: {reason}.", fix="What it ran is to blame.")


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = ordinary(error)


def _next(fetched: queue.Queue[T | _Failure | None], worker: threading.Thread) -> T | _Failure | None:
    """Waits for as long as there is somebody to wait for."""
    while worker.is_alive() or not fetched.empty():
        with suppress(queue.Empty):
            return fetched.get(timeout=PATIENCE)
    return _Failure(dead("it left no word"))


def _fetch(items: Iterable[T], fetched: queue.Queue[T | _Failure | None], stopped: threading.Event) -> None:
    def put(item: T | _Failure | None) -> bool:
        while not stopped.is_set():
            try:
                fetched.put(item, timeout=PATIENCE)
                return True
            except queue.Full:
                continue
        return False

    source: Iterator[T] = iter(())
    try:
        source = iter(items)
        for item in source:
            if not put(item):
                break
        put(None)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the items are used
        put(_Failure(error))
    finally:
        if isinstance(source, Generator):
            source.close()
