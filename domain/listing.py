"""Long lists in messages: the first of many, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SHOWN = 20
"""Lines that a person still reads."""


def cut(texts: Sequence[str], shown: int = SHOWN) -> list[str]:
    """The first ``shown`` texts, and a last one that counts the rest, if any."""
    more = [f"... and {len(texts) - shown} more"] if len(texts) > shown else []
    return [*texts[:shown], *more]


def counted(number: int, noun: str) -> str:
    """ "1 mask", "2 masks": of nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(values: Iterable[object]) -> str:
    """The first of the values on one line, with commas."""
    return ", ".join(cut([str(value) for value in values]))
