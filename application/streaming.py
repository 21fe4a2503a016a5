"""Events of a training as an iterator: the training runs in a thread, the reader takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from queue import SimpleQueue
from typing import TypeVar

from ..domain.errors import RunInterruptedError
from ..domain.events import Event

Report = TypeVar("Report")
Work = Callable[[Callable[[Event], None], Callable[[], bool]], Report]
"""(listen, stop) -> report."""


def stream(work: Work[Report], stop: Callable[[], bool]) -> Generator[Event, None, Report]:
    """Every event of ``work``, in order; its report is the generator's value (``yield from``), its errors are raised.

    ``work`` begins with the first ``next`` and does not wait for the reader. Closing the iterator asks it to stop, and
    waits until it has saved itself.
    """
    queue: SimpleQueue[Event | None] = SimpleQueue()
    closed = threading.Event()
    reports: list[Report] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            reports.append(work(queue.put, lambda: closed.is_set() or stop()))
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody can see it
            errors.append(error)
        finally:
            queue.put(None)

    thread = threading.Thread(target=run, name="segport-training")
    thread.start()
    try:
        while (event := queue.get()) is not None:
            yield event
    except BaseException:  # closed, or interrupted while it waited
        closed.set()
        thread.join()
        if errors and not isinstance(errors[0], RunInterruptedError):
            raise errors[0] from None
        raise
    thread.join()
    if errors:
        raise errors[0]
    return reports[0]
