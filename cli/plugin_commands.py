"""plugins list, info, check, new."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from cyclopts import App

from .dispatch import begin
from .flags import command
from .plugin_check import CheckSettings, check
from .plugin_info import InfoSettings, info
from .plugin_new import NewSettings, new


def register(app: App) -> None:
    """Adds the group."""
    group = App(name="plugins", help="Parts that can be named, and where they come from.", help_format="plaintext")
    group.command(command(ListSettings, _list), name="list")
    group.command(command(InfoSettings, info), name="info")
    group.command(command(CheckSettings, check), name="check")
    group.command(command(NewSettings, new), name="new")
    app.command(group)


@frozen
class ListSettings:
    """Every part that can be named: backends, readers, encoders, losses, metrics, exporters and the rest."""


def _list(given: dict[str, Any]) -> int:
    from ..domain.ports.reporting import Table

    terminal, toolkit = begin(given)
    entries, broken = toolkit.registry.entries, toolkit.registry.broken
    rows = [
        (
            entry.kind.value,
            ", ".join((entry.name, *entry.aliases)),
            entry.plugin,
            f"needs {', '.join(entry.missing())}: {entry.install}" if entry.missing() else entry.summary,
        )
        for entry in entries
    ]
    terminal.table(Table(("kind", "name", "from", "what it is"), tuple(rows)))
    for plugin in broken:
        terminal.result(f"broken plugin {plugin.plugin}: {plugin.reason}")
    terminal.object(
        {
            "entries": [
                {
                    "kind": e.kind.value,
                    "name": e.name,
                    "aliases": list(e.aliases),
                    "plugin": e.plugin,
                    "summary": e.summary,
                    "usable": not e.missing(),
                    "install": e.install,
                }
                for e in entries
            ],
            "broken": [{"plugin": b.plugin, "reason": b.reason} for b in broken],
        }
    )
    return 0
