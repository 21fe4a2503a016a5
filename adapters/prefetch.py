"""Items fetched a little ahead of their consumer, by a thread. Shared by the backends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 2
_PATIENCE = 0.1


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Every item in order, taken from ``items`` by a thread up to two ahead.

    Closing the iterator stops the thread and closes ``items``; an error in ``items`` is raised here.
    """
    fetched: queue.Queue[T | _Failure | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()
    worker = threading.Thread(target=_fetch, args=(items, fetched, stopped), name="segport-feed", daemon=True)
    worker.start()
    try:
        while (item := fetched.get()) is not None:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        worker.join()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _fetch(items: Iterable[T], fetched: queue.Queue[T | _Failure | None], stopped: threading.Event) -> None:
    def put(item: T | _Failure | None) -> bool:
        while not stopped.is_set():
            try:
                fetched.put(item, timeout=_PATIENCE)
                return True
            except queue.Full:
                continue
        return False

    source = iter(items)
    try:
        for item in source:
            if not put(item):
                break
        put(None)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the items are used
        put(_Failure(error))
    finally:
        if isinstance(source, Generator):
            source.close()
