"""The trackers that come with segport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...plugins import Entries, Entry, Kind, hookimpl


def _console() -> Callable[..., Any]:
    from .console import ConsoleTracker

    return ConsoleTracker


@hookimpl
def segport_trackers() -> Entries:
    """The console."""
    return [Entry(Kind.TRACKER, "console", "progress on the terminal, one line an epoch where it is piped", _console)]
