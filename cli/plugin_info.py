"""plugins info."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..domain.errors import SegportError
from .dispatch import begin
from .terminal import Terminal

if TYPE_CHECKING:
    from ..plugins.details import Option
    from ..plugins.entries import Entry


@frozen
class InfoSettings:
    """What goes by a name, a part's or a plugin's: where it is from, what it needs, its options and what they mean."""

    name: str = field(metadata={"help": "Part or plugin, e.g. focal or torch; kind:name for one of them, loss:dice."})


def info(given: dict[str, Any]) -> int:
    """Shows every part of the name."""
    from ..plugins.details import called

    terminal, toolkit = begin(given)
    settings = toolkit.codec.from_values(InfoSettings, given, where="segport plugins info")
    parts = []
    for i, entry in enumerate(called(toolkit.registry, settings.name)):
        options, problem = _options(entry)
        if i:
            terminal.result("")
        _show(terminal, entry, options, problem)
        parts.append(_plain(entry, options, problem))
    terminal.object({"parts": parts})
    return 0


def origin(entry: Entry) -> str:
    """The plugin, and the package that it is in."""
    return f"plugin {entry.plugin}" + (f" ({entry.distribution})" if entry.distribution else "")


def _options(entry: Entry) -> tuple[tuple[Option, ...], str]:
    """A part's options, or why they cannot be told."""
    from ..plugins.details import options_of

    if missing := entry.missing():
        return (), f"needs {', '.join(missing)}, not installed: {entry.install}"
    try:
        return options_of(entry), ""
    except SegportError as error:
        return (), str(error)


def _show(terminal: Terminal, entry: Entry, options: tuple[Option, ...], problem: str) -> None:
    from ..domain.ports.reporting import Table

    terminal.result(f"{entry.kind.value} {entry.name}")
    lines = {
        "": entry.summary,
        "from": origin(entry),
        "also called": ", ".join(entry.aliases),
        "needs": "" if entry.missing() else ", ".join(entry.requires),
        "problem": problem,
    }
    for name, text in lines.items():
        if text:
            terminal.result(f"  {name + '  ' if name else ''}{text}")
    for check, reason in entry.known_failures.items():
        terminal.result(f"  known to fail  {check.replace('_', ' ')}: {reason}")
    if options:
        rows = tuple((o.name, o.type, _written(o.default), o.doc) for o in options)
        terminal.table(Table(("option", "type", "default", "what it is"), rows))


def _written(default: Any) -> str:
    """A default as it is written in "name:option=value"; "required" where there is none."""
    if default is inspect.Parameter.empty or default is None:
        return "none" if default is None else "required"
    if isinstance(default, str) and default:
        return str(default)
    try:
        return json.dumps(default)
    except TypeError:
        return str(default)


def _plain(entry: Entry, options: tuple[Option, ...], problem: str) -> dict[str, Any]:
    return {
        "kind": entry.kind.value,
        "name": entry.name,
        "aliases": list(entry.aliases),
        "summary": entry.summary,
        "plugin": entry.plugin,
        "distribution": entry.distribution,
        "requires": list(entry.requires),
        "missing": list(entry.missing()),
        "install": entry.install,
        "known_failures": dict(entry.known_failures),
        "problem": problem,
        "options": [{"name": o.name, "type": o.type, "default": _written(o.default), "doc": o.doc} for o in options],
    }
