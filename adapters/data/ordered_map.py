"""An ordered map over threads that runs a bounded way ahead of its consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from ..prefetch import PATIENCE, dead, ordinary

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """``function`` of every item, in order of the items, worked out by ``workers`` threads.

    At most ``ahead`` results are under way or waiting, besides the one the consumer holds. An exception in a worker is
    raised to the consumer in its place, DataError where a worker has died of something else. Closing the iterator
    cancels what has not begun and waits for what has. Without workers everything happens in the consumer's thread, when
    it asks.
    """
    if workers < 1:
        yield from map(function, items)
        return
    remaining = iter(items)
    threads: list[threading.Thread] = []
    pool = ThreadPoolExecutor(workers, "segport-data", initializer=lambda: threads.append(threading.current_thread()))
    try:
        waiting: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(remaining, ahead))
        while waiting:
            result = _result(waiting.popleft(), threads)
            for item in islice(remaining, 1):
                waiting.append(pool.submit(function, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Result], threads: Sequence[threading.Thread]) -> Result:
    """Waits for as long as all of the threads are there, who end by themselves only when there is nothing to do."""
    while True:
        try:
            error = future.exception(PATIENCE)
        except TimeoutError:
            if not all(thread.is_alive() for thread in threads) and not future.done():
                raise dead("it left no word") from None
            continue
        if error is not None:
            raise ordinary(error)
        return future.result()
