"""Progress for people, on stderr: a live bar on a terminal, one line an epoch where it is piped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ...domain.events import EpochDone, Event, RunFailed, RunFinished, RunStarted, StepsDone
from .lines import line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ConsoleTracker:
    """Implements ``domain.ports.tracking.Tracker``.

    Args:
        run: the run's folder; not needed to print.
        stream: where to print, stderr unless given. Whether it is a terminal decides between bar and lines.
        quiet: print nothing but how a failed run ended.
    """

    def __init__(self, run: Path | None = None, *, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._live = not quiet and self._stream.isatty()
        self._epochs = 0
        self._steps = 0
        self._bar: tuple[Progress, TaskID] | None = None

    def handle(self, event: Event) -> None:
        """Shows it."""
        if isinstance(event, RunStarted):
            self._epochs, self._steps = event.epochs, event.steps_per_epoch
        text = line(event, self._epochs)
        if text is not None and (not self._quiet or isinstance(event, RunFailed)):
            self._print(text)
        if self._live:
            self._advance(event)

    def stopping(self, signal: str) -> None:
        """Says, quiet or not, that a request to stop was heard."""
        self._print(f"{signal}: saving, then stopping; once more stops at once")

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar[0].stop()
            self._bar = None

    def _print(self, text: str) -> None:
        if self._bar:
            self._bar[0].console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def _advance(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._bar = self._start(event)
            case StepsDone():
                status = f"loss {event.loss:.4f}  rate {event.rate:.2e}  {event.images_per_second:.1f} images/s"
                self._move((event.epoch - 1) * self._steps + event.step, f"epoch {event.epoch}/{self._epochs}", status)
            case EpochDone():
                self._move(event.epoch * self._steps, f"epoch {event.epoch}/{self._epochs}")
            case RunFinished() | RunFailed():
                self.close()

    def _move(self, completed: int, epoch: str, status: str | None = None) -> None:
        if self._bar:
            progress, task = self._bar
            progress.update(task, completed=completed, description=epoch)
            if status is not None:
                progress.update(task, status=status)

    def _start(self, event: RunStarted) -> tuple[Progress, TaskID]:
        """One bar for the whole run, so that the time left is that of the run."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(file=self._stream),
            transient=True,
            refresh_per_second=4,
            # Long enough to hold validation too, which moves the bar nowhere.
            speed_estimate_period=600,
        )
        done = event.epoch * self._steps
        task = progress.add_task(
            f"epoch {event.epoch + 1}/{self._epochs}", total=self._epochs * self._steps, completed=done, status=""
        )
        progress.start()
        return progress, task
