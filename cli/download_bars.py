"""Progress of a download on stderr: bars where that is a terminal, a line a step where it is not."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING

from ..domain.listing import counted
from ..domain.ports.downloading import Action, Progress
from .terminal import Terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_ROW = 10_000_000
"""Files of so many bytes get a bar of their own; smaller ones are counted together."""


class DownloadBars:
    """A context whose ``listen`` shows progress; it is called from several threads."""

    def __init__(self, terminal: Terminal) -> None:
        self._quiet = terminal.quiet
        self._live = not terminal.quiet and sys.stderr.isatty()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said: set[str] = set()
        self._lock = Lock()

    def __enter__(self) -> DownloadBars:
        if self._live:
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars:
            self._bars.stop()

    def listen(self, progress: Progress) -> None:
        """Shows it."""
        with self._lock:
            if self._bars:
                self._draw(self._bars, progress)
            elif not self._quiet:
                self._say(progress)

    def _draw(self, bars: Bars, progress: Progress) -> None:
        verb = progress.action.value
        if progress.files > 1:
            count = f"{progress.finished}/{progress.files}"
            self._move(bars, f"{verb} {progress.files} files", progress.finished, progress.files, count)
        title = f"{verb} {progress.name}"
        if title in self._tasks or progress.files == 1 or (progress.total or _ROW) >= _ROW:
            self._move(bars, title, progress.done, progress.total, _amount(progress))

    def _move(self, bars: Bars, title: str, done: int, total: int | None, amount: str) -> None:
        if title not in self._tasks:
            self._tasks[title] = bars.add_task(title, total=total, amount=amount)
        bars.update(self._tasks[title], completed=done, total=total, amount=amount)
        if done == total:
            bars.remove_task(self._tasks.pop(title))

    def _say(self, progress: Progress) -> None:
        """Where nobody watches: what begins, once."""
        many = progress.files > 1
        title = f"{progress.action.value} {f'{progress.files} files' if many else progress.name}"
        if title not in self._said:
            self._said.add(title)
            print(title, file=sys.stderr, flush=True)


def _amount(progress: Progress) -> str:
    if progress.action is Action.UNPACK:
        return counted(progress.done, "file")
    return f"{progress.done / 1e6:.1f}" + (f"/{progress.total / 1e6:.1f} MB" if progress.total is not None else " MB")


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
        refresh_per_second=4,
    )
