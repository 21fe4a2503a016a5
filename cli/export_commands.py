"""export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from cyclopts import App

from ..application.settings import ExportSettings
from .dispatch import add
from .terminal import Terminal

if TYPE_CHECKING:
    from ..bootstrap import Toolkit


def register(app: App) -> None:
    """Adds the command."""
    add(app, "export", ExportSettings, export)


def export(toolkit: Toolkit, settings: ExportSettings, terminal: Terminal) -> int:
    """Writes a model and says how to load it."""
    report = toolkit.export(settings)
    terminal.result(f"{settings.to}: {report.contents}; {report.size / 1e6:.1f} MB")
    terminal.wrote([report.out])
    terminal.say("load it with:")
    for line in report.load.splitlines():
        terminal.say(f"    {line}")
    terminal.object(attrs.asdict(report))
    return 0
