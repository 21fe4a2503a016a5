"""What a plugin offers: a plain descriptor of one named part. Making one imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from typing import Any

from attrs import field, frozen


class Kind(StrEnum):
    """The kinds of parts a user can name. ``hook`` is the name of the hook that offers it."""

    BACKEND = "backend"
    READER = "reader"
    ARCHITECTURE = "architecture"
    ENCODER = "encoder"
    LOSS = "loss"
    METRIC = "metric"
    AUGMENTATION = "augmentation"
    TRACKER = "tracker"
    EXPORTER = "exporter"

    @property
    def hook(self) -> str:
        """Name of the hook that offers this kind."""
        return "segport_losses" if self is Kind.LOSS else f"segport_{self.value}s"


@frozen
class Entry:
    """One part by name.

    Attributes:
        kind: what it is.
        name: what users write; lower case with hyphens.
        summary: one line for listings.
        load: imports what is needed and returns the factory: a class or function whose keyword arguments are the
            part's options and whose result implements the kind's port.
        aliases: other names for it ("tf" for "tensorflow").
        requires: modules that must be importable.
        install: the command that brings them.
        framework: of an architecture that is one framework's own code, the backend that runs it; "" for a graph, which
            all run.
        known_failures: checks of the conformance kit, by their function's name, that are known to fail, each with the
            reason. One that passes all the same is a failure.
        plugin: who offers it; this and the next two are filled in as plugins are found.
        module: where its hooks are; "" for an object that is no module.
        distribution: name and version of the installed package, as "segport 0.1.0"; "" where there is none.
    """

    kind: Kind
    name: str
    summary: str
    load: Callable[[], Callable[..., Any]]
    aliases: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    install: str = ""
    framework: str = field(default="", kw_only=True)
    known_failures: Mapping[str, str] = field(factory=dict, eq=False, kw_only=True)
    plugin: str = field(default="", kw_only=True)
    module: str = field(default="", kw_only=True)
    distribution: str = field(default="", kw_only=True)

    def missing(self) -> tuple[str, ...]:
        """The required modules that are not installed. Looks for them without importing them, but for parents."""
        return tuple(name for name in self.requires if not _is_there(name))


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # "a.b" where there is no a
        return False


Entries = Iterable[Entry]
