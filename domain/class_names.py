"""Class maps from a plain list of names: classes.txt, codes.txt and the like."""

from __future__ import annotations

import re

from attrs import evolve

from .classes import ClassMap
from .errors import DataError, InvalidSpecError

_NUMBERED = re.compile(r"(\d+)[\s:,;]+(.+)")


def parse_class_names(text: str, where: str = "classes.txt") -> ClassMap:
    """One name a line in order of the raw values, or raw value and name ("3 road"), with default colours.

    Raises DataError for names or values that are repeated, or none at all.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    rows = sorted((int(row[1]), row[2]) for row in numbered if row)
    if len(rows) < len(lines):
        rows = list(enumerate(lines))
    try:
        drawn = ClassMap.of([name for _, name in rows]).classes
        return ClassMap(tuple(evolve(one, values=(value,)) for one, (value, _) in zip(drawn, rows, strict=True)))
    except InvalidSpecError as error:
        raise DataError(f"{where} is no list of class names.", problems=error.problems) from error
