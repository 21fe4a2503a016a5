"""Shapes of maps, and what operations ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ..errors import InvalidSpecError

Shape: TypeAlias = tuple[int, int, int]
"""(channels, height, width): the batch axis is every operation's own business."""


def window(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows fit along ``size`` pixels. Raises InvalidSpecError when none does."""
    result = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if result < 1:
        raise InvalidSpecError(
            f"A window of {kernel} (dilation {dilation}, padding {padding}) does not fit into {size} pixels.",
            fix="Use a larger image or fewer stages.",
        )
    return result


def pixels(shape: Shape) -> int:
    """Height times width."""
    return shape[1] * shape[2]


def same_sizes(what: str, inputs: Sequence[Shape]) -> None:
    """Raises InvalidSpecError, naming ``what``, unless all have one height and width."""
    if len({s[1:] for s in inputs}) != 1:
        raise InvalidSpecError(f"{what} needs inputs of one height and width, not {', '.join(map(str, inputs))}.")


def same_shapes(what: str, inputs: Sequence[Shape]) -> None:
    """Raises InvalidSpecError, naming ``what``, unless all are equal."""
    if len(set(inputs)) != 1:
        raise InvalidSpecError(f"{what} needs inputs of one shape, not {', '.join(map(str, inputs))}.")
