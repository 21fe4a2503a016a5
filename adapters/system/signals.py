"""Ctrl-C and SIGTERM as a polite request to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """A stop flag for the time of a ``with`` block: ``stop()`` is true once SIGINT or SIGTERM came.

    The first signal only asks, so that the work can save itself; the second raises KeyboardInterrupt at once. The
    handlers there were before come back at the end. Python gives signals to the main thread alone: in any other thread
    the flag stays false and nothing is installed.

    Args:
        on_request: called with the signal's name ("SIGINT") when the first one comes.
    """

    def __init__(self, on_request: Callable[[str], None] | None = None) -> None:
        self._on_request = on_request
        self._requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Whether the work has been asked to stop."""
        return self._requested

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _WATCHED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            # A handler not installed from Python is reported as None and cannot be given back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        if self._on_request:
            self._on_request(signal.Signals(number).name)
