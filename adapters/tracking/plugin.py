"""The trackers that come with segport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...plugins import Entries, Entry, Kind, hookimpl


def _console() -> Callable[..., Any]:
    from .console import ConsoleTracker

    return ConsoleTracker


def _log() -> Callable[..., Any]:
    from .log import LogTracker

    return LogTracker


def _tensorboard() -> Callable[..., Any]:
    from .tensorboard import TensorboardTracker

    return TensorboardTracker


@hookimpl
def segport_trackers() -> Entries:
    """The console, a log file, TensorBoard."""
    return [
        Entry(Kind.TRACKER, "console", "progress on the terminal, which `segport train` shows by itself", _console),
        Entry(Kind.TRACKER, "log", "log.txt in the run's folder, a line with the time for each epoch", _log),
        Entry(
            Kind.TRACKER,
            "tensorboard",
            "the numbers of each epoch, for TensorBoard",
            _tensorboard,
            requires=("tensorboard",),
            install="pip install 'segport[tensorboard]'",
        ),
    ]
