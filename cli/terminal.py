"""Printing: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..domain.json_values import jsonable

if TYPE_CHECKING:
    from rich.console import Console

    from ..domain.ports.reporting import Table


def typed(*words: object) -> str:
    """A command as it would be typed: what a shell would take apart is quoted."""
    return shlex.join(map(str, words))


@frozen
class Terminal:
    """Where a command prints.

    With ``json``, stdout gets the one result object and everything else goes to stderr. With ``quiet``, only results
    are printed.
    """

    json: bool = False
    quiet: bool = False
    debug: bool = False

    def say(self, text: str = "") -> None:
        """A line on the way, for people."""
        if not self.quiet:
            print(text, file=sys.stderr if self.json else sys.stdout, flush=True)

    def result(self, text: str) -> None:
        """A line of the result, for people."""
        print(text, file=sys.stderr if self.json else sys.stdout, flush=True)

    def table(self, table: Table) -> None:
        """A table of the result, numbers to the right. No column is lost where there is little room."""
        from rich.table import Table as RichTable

        from .column_widths import GAP, column_widths

        console = self._console()
        widths = column_widths(table, console.width)
        # rich would cut off what sticks out
        console.width = max(console.width, sum(widths) + GAP * (len(widths) - 1))
        shown = RichTable(
            title=table.caption or None, title_justify="left", box=None, pad_edge=False, header_style="bold"
        )
        for column, numbers, width in zip(table.columns, table.numeric, widths, strict=True):
            shown.add_column(column, justify="right" if numbers else "left", overflow="fold", width=width)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)

    def object(self, values: Mapping[str, Any]) -> None:
        """The result as one JSON object, where it was asked for."""
        if self.json:
            print(json.dumps(jsonable(values), allow_nan=False))

    def wrote(self, paths: Iterable[Path], then: str = "") -> None:
        """Ends a command: what lies where, and the likely next command, as ``typed``."""
        for path in paths:
            self.say(f"wrote {path}")
        if then:
            self.say(f"next: {then}")

    def counter(self, what: str) -> Callable[[int, int], None]:
        """A listener that shows "``what`` 12/433" on stderr while it runs, where that is a terminal."""
        live = sys.stderr.isatty() and not self.quiet

        def listen(done: int, total: int) -> None:
            if live:
                end = "\n" if done == total else ""
                print(f"\r{what} {done}/{total}", end=end, file=sys.stderr, flush=True)

        return listen

    def _console(self) -> Console:
        from rich.console import Console

        file = sys.stderr if self.json else sys.stdout
        # Names are names, though they may look like rich's marks for colours and pictures.
        return Console(
            file=file,
            width=None if file.isatty() else 160,
            soft_wrap=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
