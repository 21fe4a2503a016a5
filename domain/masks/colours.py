"""Labels and RGB pictures, by exact colour.

Each colour is packed into one 24-bit integer and looked up in a table of all 16.8 million: untouched pages of the table
cost nothing, so the time is that of one gather per pixel, whatever the number of classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import IGNORE, AnyArray, Labels
from ..errors import DataError, InvalidSpecError
from .palette import IGNORE_COLOUR, Colour


@frozen
class UnknownColour:
    """A colour that no class has, and how many pixels show it."""

    colour: Colour
    pixels: int


def pack(rgb: AnyArray) -> NDArray[np.uint32]:
    """(..., 3) uint8 -> (...) uint32 of ``r << 16 | g << 8 | b``."""
    channels = rgb.astype(np.uint32)
    packed: NDArray[np.uint32] = np.bitwise_or(channels[..., 0] << np.uint32(16), channels[..., 1] << np.uint32(8))
    return np.bitwise_or(packed, channels[..., 2])


def unpack(packed: AnyArray) -> NDArray[np.uint8]:
    """Inverse of ``pack``."""
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def match_colours(
    rgb: AnyArray, colours: Sequence[Colour], ignored: Sequence[Colour] = ()
) -> tuple[Labels, tuple[UnknownColour, ...]]:
    """Labels by exact colour, and the colours that matched nothing, most pixels first.

    Args:
        rgb: (H, W, 3) uint8.
        colours: of class 0, 1, 2 ...; all different.
        ignored: colours that become ``IGNORE``.

    Returns:
        (H, W) labels (``IGNORE`` at unknown colours too) and the unknown colours.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise DataError(f"A colour mask is (H, W, 3) uint8; found {rgb.shape} {rgb.dtype}.")
    known = pack(np.array([*colours, *ignored], np.uint8).reshape(-1, 3))
    if len(np.unique(known)) != len(known):
        raise InvalidSpecError("Two classes (or a class and an ignored colour) share one colour.")
    table = np.zeros(1 << 24, np.uint16)  # 0 means unknown, so labels are stored plus one
    table[known] = [*range(1, len(colours) + 1), *[IGNORE + 1] * len(ignored)]
    packed = pack(rgb)
    found = table[packed]
    unknown = _count(packed[found == 0])
    found[found == 0] = IGNORE + 1
    return (found - 1).astype(np.uint8), unknown


def _count(packed: NDArray[np.uint32]) -> tuple[UnknownColour, ...]:
    values, counts = np.unique(packed, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        UnknownColour((int(r), int(g), int(b)), int(n))
        for (r, g, b), n in zip(unpack(values[order]), counts[order], strict=True)
    )


def from_colours(rgb: AnyArray, colours: Sequence[Colour], ignored: Sequence[Colour] = (IGNORE_COLOUR,)) -> Labels:
    """(H, W, 3) uint8 -> labels. Raises DataError, with pixel counts, for any colour that is not listed."""
    labels, unknown = match_colours(rgb, colours, ignored)
    if unknown:
        raise DataError(
            f"{len(unknown)} colours belong to no class.",
            problems=[f"colour {entry.colour}: {entry.pixels} pixels" for entry in unknown[:16]],
        )
    return labels


def to_colours(labels: Labels, colours: Sequence[Colour], ignored: Colour = IGNORE_COLOUR) -> NDArray[np.uint8]:
    """(H, W) labels -> (H, W, 3) uint8; exact inverse of ``from_colours`` while all colours differ.

    Raises DataError for a label that has no colour.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = np.array(colours, np.uint8).reshape(-1, 3)
    table[IGNORE] = ignored
    wrong = [int(value) for value in np.unique(labels) if len(colours) <= value < IGNORE]
    if wrong:
        raise DataError(f"Labels {wrong} have no colour: there are {len(colours)} classes.")
    return table[labels]
