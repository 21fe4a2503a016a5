"""From what was written to settings, a toolkit and a terminal: what every command begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cyclopts import App

from .flags import command
from .terminal import Terminal

if TYPE_CHECKING:
    from ..bootstrap import Toolkit

S = TypeVar("S")


def add(app: App, name: str, cls: type[S], show: Callable[[Toolkit, S, Terminal], int], *, word: str = "") -> None:
    """Adds a command that takes the fields of ``cls`` and nothing else.

    Args:
        show: runs it and prints the result; returns the exit code.
        word: a fixed first word, as "shapes" in ``segport generate shapes OUT``.
    """

    def run(given: dict[str, Any]) -> int:
        terminal, toolkit = begin(given)
        return show(toolkit, toolkit.codec.from_values(cls, given, where=f"segport {name}"), terminal)

    if word:
        group = App(name=name, help=(cls.__doc__ or "").partition("\n")[0], help_format="plaintext")
        group.command(command(cls, run), name=word)
        app.command(group)
    else:
        app.command(command(cls, run), name=name)


def begin(given: dict[str, Any]) -> tuple[Terminal, Toolkit]:
    """The terminal its common flags ask for, taken out of ``given``, and a toolkit."""
    from ..bootstrap import Toolkit

    common: Mapping[str, Any] = {name: bool(given.pop(name, False)) for name in ("json", "quiet", "debug")}
    return Terminal(**common), Toolkit()
