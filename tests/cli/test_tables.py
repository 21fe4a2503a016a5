"""Tables in terminals of any width: nothing that they hold may be lost."""

from __future__ import annotations

import io
import re
import sys

import pytest

from segport.cli.column_widths import GAP, column_widths
from segport.cli.terminal import Terminal
from segport.domain.ports.reporting import Table

SPLITS = ("train", "val", "test")
INSPECTED = Table(
    ("class", *(f"{split}, {what}" for what in ("% of pixels", "images") for split in SPLITS)),
    (("background", "88.98", "94.20", "90.04", "1,000", "1", "1"), ("triangle", "3.64", "5.80", "0.00", "7", "1", "0")),
)
CLASSES = Table(
    ("class", "IoU", "Dice", "precision", "recall", "accuracy", "support", "predicted"),
    (("background", "0.1576", "0.2723", "0.9991", "0.1576", "0.2414", "14,752", "2,327"),),
)


class Screen(io.StringIO):
    """A terminal, as far as anybody asks."""

    def isatty(self) -> bool:
        return True


def shown(table: Table, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a table in a terminal of this width, without colours."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    Terminal().table(table)
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 160])
@pytest.mark.parametrize("table", [INSPECTED, CLASSES])
def test_every_name_and_number_is_whole(table: Table, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [line.split() for line in shown(table, width, monkeypatch)]
    assert [row for row in words if row and row[0] in ("background", "triangle")] == list(map(list, table.rows))


@pytest.mark.parametrize(("table", "width"), [(INSPECTED, 60), (INSPECTED, 80), (CLASSES, 80)])
def test_a_table_keeps_to_the_terminal_where_its_numbers_let_it(
    table: Table, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(table, width, monkeypatch)
    assert max(map(len, lines)) <= width
    words = {word for title in table.columns for word in title.split()}
    assert words <= {word for line in lines for word in line.split()}, "headers are broken between words"


def test_text_gives_way_before_numbers() -> None:
    table = Table(("metric", "value"), (("the share of all pixels that are right " * 3, "1,234,567"),))
    assert column_widths(table, 200) == [len(table.rows[0][0]), 9]
    assert column_widths(table, 40) == [40 - GAP - 9, 9]
    assert column_widths(table, 10) == [6, 9], "no word of the text, and no number, is longer than that"


def test_words_are_broken_where_nothing_else_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(("", "n" * 24, "m" * 24), (("rate", "a" * 20, "b" * 20),))
    assert max(map(len, shown(table, 30, monkeypatch))) <= 30


def test_wide_characters_take_two_places() -> None:
    assert column_widths(Table(("class", "n"), (("道路道路", "1"),)), 80) == [8, 1]
    assert column_widths(Table(("", ""), ()), 80) == [1, 1]
