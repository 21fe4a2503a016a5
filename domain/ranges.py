"""Checks of numeric options, worded the same everywhere and reported all at once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .errors import InvalidSpecError


def outside(
    name: str, value: float, low: float, high: float = math.inf, *, above: bool = False, below: bool = False
) -> str:
    """What is wrong with option ``name``, or "" if low <= value <= high.

    Args:
        name: the option, as users write it.
        value: what was given.
        low: least allowed value.
        high: largest allowed value; infinity stands for any finite number.
        above: the value must be greater than ``low``.
        below: the value must be less than ``high``.
    """
    fits_low = value > low if above else value >= low
    fits_high = value < high if below or high == math.inf else value <= high
    if fits_low and fits_high:
        return ""
    words = [f"above {low:g}" if above else f"at least {low:g}"]
    if high != math.inf:
        words.append(f"below {high:g}" if below else f"at most {high:g}")
    return f"{name} = {value!r}: expected a number {' and '.join(words)}."


def as_tuple(values: Iterable[float]) -> tuple[float, ...]:
    """Any row of numbers, a list from TOML say, as the tuple that a frozen value holds."""
    return tuple(values)


def reject(owner: str, problems: Iterable[str]) -> None:
    """Raises InvalidSpecError naming ``owner`` and every problem that is not empty; returns if there is none."""
    found = [problem for problem in problems if problem]
    if found:
        raise InvalidSpecError(f"The options of {owner} are not possible.", problems=found)
