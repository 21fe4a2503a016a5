"""Finds plugins and asks them what they offer. Nothing is kept here: two toolkits in one process don't meet."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import attrs
import pluggy

from . import hookspecs
from .entries import Entry, Kind

GROUP = "segport"
DISABLE = "SEGPORT_DISABLE_PLUGINS"
"""The environment variable that names plugins to leave out, joined by commas."""


@attrs.frozen
class Broken:
    """A plugin that could not be loaded or asked, and why."""

    plugin: str
    reason: str


@attrs.frozen
class Offer:
    """All entries of all working plugins, and the broken ones."""

    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...]


def blocked() -> tuple[str, ...]:
    """The plugins that the environment says to leave out."""
    return tuple(name.strip() for name in os.environ.get(DISABLE, "").split(",") if name.strip())


def installed() -> Offer:
    """What the installed plugins offer, but for those that the environment says to leave out."""
    return discover(disabled=blocked())


def discover(
    *,
    disabled: Iterable[str] = (),
    extra: Sequence[tuple[str, object]] = (),
    points: Iterable[EntryPoint] | None = None,
) -> Offer:
    """Asks every installed plugin, each in its own try: a broken one is reported and never takes the program down.

    Args:
        disabled: plugin names to leave out.
        extra: (name, module or object with hook implementations) to add, as if installed.
        points: the entry points to use, in place of the installed ones of group "segport".
    """
    out = frozenset(disabled)
    plugins: list[tuple[str, object]] = []
    packages: dict[str, str] = {}
    broken: list[Broken] = []
    for point in sorted(entry_points(group=GROUP) if points is None else points, key=lambda p: (p.name, p.value)):
        if point.name in out or any(point.name == name for name, _ in plugins):
            continue
        try:
            plugins.append((point.name, _load(point)))
            packages[point.name] = f"{point.dist.name} {point.dist.version}" if point.dist else ""
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
            broken.append(Broken(point.name, f"{type(error).__name__}: {error}"))
    plugins += [(name, plugin) for name, plugin in extra if name not in out]
    entries: list[Entry] = []
    for name, plugin in plugins:
        try:
            entries += _ask(name, plugin, packages.get(name, ""))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - likewise its hooks
            broken.append(Broken(name, f"{type(error).__name__}: {error}"))
    return Offer(tuple(entries), tuple(broken))


def _load(point: EntryPoint) -> object:
    module: ModuleType = importlib.import_module(point.module)
    return getattr(module, point.attr) if point.attr else module


def _ask(name: str, plugin: object, package: str) -> list[Entry]:
    """One plugin's entries, through a pluggy manager of its own so that a failure stays its own."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=name)
    manager.check_pending()
    module = plugin.__name__ if isinstance(plugin, ModuleType) else ""
    entries: list[Entry] = []
    for kind in Kind:
        for offered in getattr(manager.hook, kind.hook)():
            for entry in offered:
                if not isinstance(entry, Entry) or entry.kind is not kind:
                    raise TypeError(f"{kind.hook} must return entries of kind {kind.value!r}, not {entry!r}")
                entries.append(attrs.evolve(entry, plugin=name, module=module, distribution=package))
    return entries
