"""compare, compare-backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from cyclopts import App

from ..application.settings import CompareBackendsSettings, CompareSettings
from ..domain.listing import counted
from .dispatch import add
from .terminal import Terminal, typed

if TYPE_CHECKING:
    from ..bootstrap import Toolkit


def register(app: App) -> None:
    """Adds the two commands."""
    add(app, "compare", CompareSettings, compare)
    add(app, "compare-backends", CompareBackendsSettings, compare_backends)


def compare(toolkit: Toolkit, settings: CompareSettings, terminal: Terminal) -> int:
    """Prints one table, and names those that were not evaluated."""
    from ..application.tables import run_table

    report = toolkit.compare(settings)
    terminal.table(run_table(report))
    for run in report.runs:
        if not run.scores:
            command = typed("segport", "evaluate", run.run, "--split", report.split)
            terminal.result(f"not scored on {report.split}: {run.run}; {command}")
    terminal.wrote([report.curves])
    terminal.object(attrs.asdict(report))
    return 0


def compare_backends(toolkit: Toolkit, settings: CompareBackendsSettings, terminal: Terminal) -> int:
    """Prints one table, and what could not be compared."""
    from ..application.tables import backend_table

    report = toolkit.compare_backends(settings, listen=terminal.counter("compared"))
    pixels = report.rows[0].difference.pixels
    images = counted(report.images, "image")
    terminal.result(
        f"{report.run}, split {report.split}: {images}, {counted(pixels, 'pixel')} at the size the model sees"
    )
    terminal.table(backend_table(report.rows))
    for other in report.left_out:
        terminal.result(f"left out: {other.backend}: {other.reason} {other.fix}".rstrip())
    terminal.object(attrs.asdict(report))
    return 0
