"""How wide a table's columns are where not all of them fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from attrs import frozen
from rich.cells import cell_len

if TYPE_CHECKING:
    from ..domain.ports.reporting import Table

GAP = 2
"""Blanks between two columns."""
_READABLE, _TIGHT = 16, 8
"""So much of a word stays in one piece if it can; and so much at least, where there is little room."""


@frozen
class _Column:
    """What one column holds, and how narrow that can become."""

    texts: tuple[str, ...]
    numeric: bool

    @property
    def whole(self) -> int:
        """All in one line."""
        return max(1, *map(cell_len, self.texts))

    def least(self, word: int) -> int:
        """Words up to the length of ``word`` in one piece, and of numbers every cell."""
        words = chain.from_iterable(text.split() for text in self.texts)
        longest = min(word, max(map(cell_len, words), default=1))
        return max(longest, *map(cell_len, self.texts[1:])) if self.numeric and self.texts[1:] else longest


def column_widths(table: Table, room: int) -> list[int]:
    """Of each column, as many characters as to fit into ``room`` together; more where that would tear numbers apart.

    A number cut in two reads as two numbers: then long lines, which a terminal breaks, are the lesser evil.
    """
    columns = list(_columns(table))
    room -= GAP * (len(columns) - 1)
    readable = _shrunk([column.whole for column in columns], [column.least(_READABLE) for column in columns], room)
    tight = _shrunk(readable, [column.least(_TIGHT) for column in columns], room)
    return tight if sum(tight) <= room else readable


def _columns(table: Table) -> Iterator[_Column]:
    for i, (title, numeric) in enumerate(zip(table.columns, table.numeric, strict=True)):
        yield _Column((title, *(row[i] for row in table.rows)), numeric)


def _shrunk(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widest of those that can become narrower gives way, one character after the other."""
    widths = list(widths)
    while sum(widths) > room:
        spare = [i for i, width in enumerate(widths) if width > least[i]]
        if not spare:
            break
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths
