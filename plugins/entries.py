"""What a plugin offers: a plain descriptor of one named part. Making one imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """

    kind: Kind
    name: str
    summary: str
    load: Callable[[], Callable[..., Any]]
    aliases: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    install: str = ""
    plugin: str = field(default="", kw_only=True)

    def missing(self) -> tuple[str, ...]:
        """The required modules that are not installed. Looks for them without importing them, but for parents."""
        return tuple(name for name in self.requires if not _is_there(name))


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # "a.b" where there is no a
        return False


Entries = Iterable[Entry]
