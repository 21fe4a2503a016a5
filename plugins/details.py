"""What there is to know of a part: where it comes from, what it needs, its options with types, defaults and words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import frozen

from ..domain.errors import PluginError, UnknownNameError
from .entries import Entry, Kind
from .registry import Registry, loaded

_GIVEN = {Kind.TRACKER: "run", Kind.BACKEND: "architectures"}
"""Arguments of a factory that are no options: whoever makes the part adds them."""
_SECTION = re.compile(r"^(?:Attributes|Args):\n((?:[ \t]+.*\n?|\n)+)", re.M)
_FIELD = re.compile(r"^(\w+): ", re.M)


@frozen
class Option:
    """One option of a part. ``default`` is ``inspect.Parameter.empty`` where there is none."""

    name: str
    type: str
    default: Any
    doc: str


def options_of(entry: Entry) -> tuple[Option, ...]:
    """The options of a part, which is loaded for it. Raises PluginError where that fails."""
    factory = loaded(entry)
    words = _documented(factory)
    # What a field is, where the parameter is what its converter takes.
    hints = {a.alias: a.type for a in attrs.fields(factory)} if isinstance(factory, type) and attrs.has(factory) else {}
    return tuple(
        Option(p.name, _type(hints.get(p.name, p.annotation)), p.default, words.get(p.name, ""))
        for p in inspect.signature(factory).parameters.values()
        if p.name != _GIVEN.get(entry.kind) and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    )


def called(registry: Registry, name: str) -> tuple[Entry, ...]:
    """Everything that goes by a name: parts by name or alias, and all parts of a plugin.

    "kind:name" is the one part of that kind, and "plugin:name" a plugin's.

    Raises UnknownNameError with the nearest names, and PluginError for a plugin that is broken.
    """
    word, colon, rest = name.partition(":")
    if colon and word in {*Kind}:
        return (registry.entry(Kind(word), rest),)
    plugin = rest if colon and word == "plugin" else name
    if plugin in registry.faults():
        raise PluginError(
            f"The plugin {plugin!r} is broken: {registry.faults()[plugin]}",
            fix="Nothing it offers can be used. Fix it, uninstall it, or block it: SEGPORT_DISABLE_PLUGINS=" + plugin,
        )
    entries = registry.entries
    parts = [] if plugin != name else [e for e in entries if name in (e.name, *e.aliases)]
    found = tuple(dict.fromkeys([*parts, *(e for e in entries if e.plugin == plugin)]))
    if found:
        return found
    names = {e.plugin for e in entries}
    names |= {n for e in entries for n in (e.name, *e.aliases)} if plugin == name else set()
    near = UnknownNameError.of("part or plugin" if plugin == name else "plugin", plugin, names)
    hint = near.fix.partition("Known: ")[0]
    raise UnknownNameError(near.message, fix=f"{hint}`segport plugins list` shows all.")


def _documented(factory: Callable[..., Any]) -> Mapping[str, str]:
    """Words on each option: from the docstring's "Attributes:" or "Args:", a base class's included."""
    bases = reversed(factory.__mro__) if inspect.isclass(factory) else (factory,)
    found: dict[str, str] = {}
    for part in bases:
        for section in _SECTION.findall(inspect.cleandoc(part.__doc__ or "") + "\n"):
            parts = _FIELD.split(inspect.cleandoc(section))[1:]
            found |= {
                name: " ".join(text.replace("``", "").split())
                for name, text in zip(parts[::2], parts[1::2], strict=True)
            }
    return found


def _type(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
