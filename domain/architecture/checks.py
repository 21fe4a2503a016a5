"""Validators of the fields of operations, encoders and architectures.

Each raises InvalidSpecError naming class, field and value. Graphs are read from checkpoints that anybody may have
written, so types are checked as well as ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from ..errors import InvalidSpecError

LARGEST = 65536
"""No channel count, kernel or stride is larger: beyond it a graph is broken or hostile."""

Validator: TypeAlias = Callable[[object, "attrs.Attribute[Any]", object], None]


def whole(least: int = 1) -> Validator:
    """An int from ``least`` to ``LARGEST``; a bool is not one."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not int or not least <= value <= LARGEST:
            _refuse(instance, attribute, value, f"a whole number from {least} to {LARGEST}")

    return check


def wholes(least: int = 1) -> Validator:
    """A tuple of one or more such ints."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        good = isinstance(value, tuple) and all(type(v) is int and least <= v <= LARGEST for v in value)
        if not good or not value:
            _refuse(instance, attribute, value, f"whole numbers from {least} to {LARGEST}")

    return check


def number(low: float, high: float) -> Validator:
    """A finite number, low <= value <= high."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not good or not (low <= value <= high and math.isfinite(value)):  # type: ignore[operator, arg-type]
            _refuse(instance, attribute, value, f"a number from {low} to {high}")

    return check


def truth() -> Validator:
    """True or False."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, bool):
            _refuse(instance, attribute, value, "true or false")

    return check


def one_of(known: Sequence[object]) -> Validator:
    """One of the ``known`` names or numbers; a number of another type is not one."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not any(type(value) is type(k) and value == k for k in known):
            _refuse(instance, attribute, value, f"one of {', '.join(str(k) for k in known if k is not None)}")

    return check


def as_tuple(values: Any) -> Any:
    """A converter: option texts and TOML have lists. Whatever else it is, the validator refuses it."""
    return tuple(values) if isinstance(values, list) else values


def _refuse(instance: object, attribute: attrs.Attribute[Any], value: object, expected: str) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    raise InvalidSpecError(f"{type(instance).__name__}: {attribute.name} must be {expected}, not {shown}.")
