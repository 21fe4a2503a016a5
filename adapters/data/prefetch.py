"""An ordered map over threads that runs a bounded way ahead of its consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """``function`` of every item, in order of the items, worked out by ``workers`` threads.

    At most ``ahead`` results are under way or waiting, besides the one the consumer holds. An exception in a worker is
    raised to the consumer in its place. Closing the iterator cancels what has not begun and waits for what has. Without
    workers everything happens in the consumer's thread, when it asks.
    """
    if workers < 1:
        yield from map(function, items)
        return
    remaining = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="segport-data")
    try:
        waiting: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(remaining, ahead))
        while waiting:
            result = waiting.popleft().result()
            for item in islice(remaining, 1):
                waiting.append(pool.submit(function, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
