"""Statements that must hold. They raise, whatever Python's optimisation flag says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray


class CheckFailed(AssertionError):
    """A check found the part wrong."""


class Lacking(SkipTest):
    """A check cannot be made here, and why: something is not installed, or was not given.

    A test runner that knows unittest's exception, as pytest does, reports a skipped test.
    """


def that(condition: bool, message: str) -> None:
    """Raises CheckFailed with ``message`` unless the condition holds."""
    if not condition:
        raise CheckFailed(message)


def close(what: str, found: NDArray[Any], wanted: NDArray[Any], tolerance: float) -> None:
    """Raises CheckFailed unless shapes agree and no value is further off than ``tolerance`` times the largest one."""
    that(found.shape == wanted.shape, f"{what}: shape {found.shape}, expected {wanted.shape}")
    if not found.size:
        return
    that(bool(np.isfinite(found).all()), f"{what}: not all values are finite")
    scale = max(float(np.abs(wanted).max()), 1e-6)
    off = float(np.abs(found.astype(np.float64) - wanted).max()) / scale
    that(off <= tolerance, f"{what}: off by {off:.2e} of the largest value, allowed {tolerance:.0e}")


def equal(what: str, found: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Raises CheckFailed unless both arrays hold the same values."""
    that(found.shape == wanted.shape, f"{what}: shape {found.shape}, expected {wanted.shape}")
    that(bool(np.array_equal(found, wanted)), f"{what}: {int((found != wanted).sum())} of {found.size} values differ")


def same_weights(what: str, found: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> None:
    """Raises CheckFailed unless names and values are the same."""
    that(set(found) == set(wanted), f"{what}: other names: {sorted(set(found) ^ set(wanted))}")
    for name in wanted:
        equal(f"{what}: {name}", found[name], wanted[name])


def raises(error: type[BaseException], what: str, action: Callable[[], object]) -> None:
    """Raises CheckFailed unless ``action`` raises that error."""
    try:
        action()
    except error:
        return
    raise CheckFailed(f"{what}: accepted, expected {error.__name__}")
