"""Class maps from plain lists of names or colours: classes.txt, codes.txt, label_colors.txt and the like."""

from __future__ import annotations

import re

from attrs import evolve

from .classes import ClassMap, SegmentClass
from .errors import DataError, InvalidSpecError

_COLOURED = re.compile(r"(\d{1,9})[\s,]+(\d{1,9})[\s,]+(\d{1,9})[\s,]+(.+)")
_NUMBERED = re.compile(r"(\d{1,9})[\s:,;]+(.+)")


def parse_class_names(text: str, where: str = "classes.txt") -> ClassMap:
    """One name a line in order of the raw values, or raw value and name ("3 road"), with default colours.

    A line ``__ignore__``, which LabelMe's lists begin with, has no value and is passed over.
    Raises DataError for names or values that are repeated, or none at all.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() not in ("", "__ignore__")]
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    rows = sorted((int(row[1]), row[2]) for row in numbered if row)
    if len(rows) < len(lines):
        rows = list(enumerate(lines))
    try:
        drawn = ClassMap.of([name for _, name in rows]).classes
        return ClassMap(tuple(evolve(one, values=(value,)) for one, (value, _) in zip(drawn, rows, strict=True)))
    except InvalidSpecError as error:
        raise DataError(f"{where} is no list of class names.", problems=error.problems) from error


def parse_label_colours(text: str, where: str = "label_colors.txt") -> ClassMap:
    """``r g b name``, one class a line in order of the raw values, as CamVid's list of colours has it.

    Raises DataError naming every line that is no class, and for names or colours that are repeated or out of range.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_COLOURED.fullmatch(line) for line in lines]
    rows = [row.groups() for row in found if row]
    if len(rows) < len(lines):
        problems = [f"{line!r}: expected r g b name" for line, row in zip(lines, found, strict=True) if not row]
        raise DataError(f"{where} is no list of colours.", problems=problems)
    try:
        return ClassMap(
            tuple(SegmentClass(name, map(int, colour), (index,)) for index, (*colour, name) in enumerate(rows))
        )
    except InvalidSpecError as error:
        raise DataError(f"{where} is no list of colours.", problems=error.problems) from error
