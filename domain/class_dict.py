"""The rows of a class_dict.csv: names and colours of classes, in the variants that exports come in.

Columns may stand in any order and any case: a name; r, g, b; optionally the class's value in index masks; optionally a
flag for rows that mean "not counted". Other columns are passed over. Every mistake is reported at once, by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from attrs import define, field, frozen

from .errors import DataError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "class_name", "classname", "label", "label_name", "class", "category"),
    "r": ("r", "red"),
    "g": ("g", "green"),
    "b": ("b", "blue"),
    "index": ("index", "class_index", "class_id", "id", "value", "label_id", "", "unnamed: 0"),
    "ignore": ("ignore", "ignored", "void", "ignore_in_eval", "ignoreineval"),
}
"""Accepted headers of each column, preferred first; the nameless index column is what data-frame libraries write."""

LARGEST_VALUE = 65535
_FLAGS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}
_FIX = "Expected a header such as 'name,r,g,b' and one row a class, for example 'road,128,64,128'."

Value = TypeVar("Value")


@frozen
class ClassRow:
    """One row: ``value`` is the class's value in index masks where the file has such a column."""

    name: str
    colour: tuple[int, int, int]
    value: int | None
    ignored: bool


@define
class _Problems:
    found: list[str] = field(factory=list)

    def integer(self, row: int, column: str, text: str, largest: int) -> int:
        try:
            value = int(text)
        except ValueError:
            self.found.append(f"row {row}, column {column}: expected an integer, found {text!r}")
            return -1
        if not 0 <= value <= largest:
            self.found.append(f"row {row}, column {column}: expected 0 to {largest}, found {value}")
            return -1
        return value

    def repeated(self, what: str, values: Iterable[tuple[int, Value]]) -> None:
        first: dict[Value, int] = {}
        for row, value in values:
            if value in first:
                self.found.append(f"row {row}: {what} {value!r} was given in row {first[value]} already")
            first.setdefault(value, row)


def read_rows(text: str, where: str) -> list[ClassRow]:
    """The rows of the table, in order of the file.

    Raises DataError listing every problem with its row; the header is row 1.
    """
    table = _cells(text.lstrip("\ufeff"), where)
    columns = _columns([cell.lower() for cell in table[0][1]])
    missing = [name for name in ("name", "r", "g", "b") if name not in columns]
    if missing:
        found = ", ".join(table[0][1])
        raise DataError(f"{where} has no column {', '.join(missing)}; its header is '{found}'.", fix=_FIX)
    problems = _Problems()
    width = max(columns.values()) + 1
    rows = []
    for number, cells in table[1:]:
        if len(cells) < width:
            problems.found.append(f"row {number}: expected at least {width} columns, found {len(cells)}")
        else:
            rows.append((number, _row(number, cells, columns, problems)))
    _check(rows, problems)
    if problems.found:
        raise DataError(f"{where} cannot be used.", problems=problems.found, fix=_FIX)
    return [row for _, row in rows]


def _cells(text: str, where: str) -> list[tuple[int, list[str]]]:
    """Stripped cells of the rows that are not blank, with the number of the row."""
    try:
        lines = list(csv.reader(io.StringIO(text, newline=None), delimiter=_delimiter(text), skipinitialspace=True))
    except csv.Error as error:
        raise DataError(f"{where} is no table of text: {error}.", fix=_FIX) from error
    stripped = ([cell.strip() for cell in line] for line in lines)
    table = [(number, cells) for number, cells in enumerate(stripped, 1) if any(cells)]
    if not table:
        raise DataError(f"{where} is empty.", fix=_FIX)
    return table


def _delimiter(text: str) -> str:
    header = text.lstrip().split("\n", 1)[0]
    return max(",;\t", key=header.count)  # a tie, also of none, goes to the comma


def _columns(header: Sequence[str]) -> dict[str, int]:
    found = {}
    for column, aliases in ALIASES.items():
        place = next((header.index(alias) for alias in aliases if alias in header), None)
        if place is not None:
            found[column] = place
    return found


def _row(number: int, cells: Sequence[str], columns: Mapping[str, int], problems: _Problems) -> ClassRow:
    red, green, blue = (problems.integer(number, channel, cells[columns[channel]], 255) for channel in "rgb")
    value = None
    if "index" in columns:
        value = problems.integer(number, "index", cells[columns["index"]], LARGEST_VALUE)
    flag = cells[columns["ignore"]].lower() if "ignore" in columns else ""
    if flag not in _FLAGS:
        problems.found.append(f"row {number}, column ignore: expected 0 or 1, found {flag!r}")
    name = cells[columns["name"]]
    if not name:
        problems.found.append(f"row {number}, column name: it is empty")
    return ClassRow(name, (red, green, blue), value, _FLAGS.get(flag, False))


def _check(rows: Sequence[tuple[int, ClassRow]], problems: _Problems) -> None:
    problems.repeated("name", ((number, row.name) for number, row in rows if row.name))
    problems.repeated("colour", ((number, row.colour) for number, row in rows if min(row.colour) >= 0))
    problems.repeated(
        "index", ((number, row.value) for number, row in rows if row.value is not None and row.value >= 0)
    )
    classes = sum(not row.ignored for _, row in rows)
    if not 1 <= classes <= 255:
        problems.found.append(f"expected 1 to 255 classes, found {classes}")
