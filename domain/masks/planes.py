"""Multilabel planes and labels. Planes may overlap and labels cannot, so the way down takes an explicit rule."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..arrays import IGNORE, AnyArray, Labels, Planes
from ..errors import DataError, InvalidSpecError

INSIDE, UNKNOWN = 255, 128
"""How the picture of a plane says it: 0 is outside, INSIDE (or 1) inside, and the class does not count at UNKNOWN."""


class Overlap(StrEnum):
    """Who gets a pixel that several masks claim.

    ``FIRST`` or ``LAST``: the one listed first or last. ``SMALLEST``: the one with the fewest pixels in all (the first
    such), so that small things on large ones stay visible. ``REFUSE``: nobody; it is an error.
    """

    FIRST = "first"
    LAST = "last"
    SMALLEST = "smallest"
    REFUSE = "refuse"

    def order(self, areas: NDArray[np.int64]) -> list[int]:
        """In which order to paint masks of these areas, so that each covers those it wins against."""
        if self is Overlap.LAST:
            return list(range(len(areas)))
        if self is Overlap.SMALLEST:
            return [int(index) for index in np.argsort(areas, kind="stable")[::-1]]
        return list(range(len(areas)))[::-1]


def from_planes(planes: AnyArray, overlap: Overlap, *, first: int = 0, uncovered: int = IGNORE) -> Labels:
    """(H, W, K) planes, nonzero is inside -> (H, W) labels.

    Args:
        planes: one plane a class.
        overlap: the rule for pixels in several planes.
        first: label of plane 0; plane k is label ``first + k``. Take 1 where plane 0 is not the background.
        uncovered: label of pixels in no plane.

    Raises:
        DataError: with the number of pixels and the planes, where planes overlap and the rule is ``REFUSE``.
        InvalidSpecError: for planes whose label would not be below ``IGNORE``.
    """
    if planes.ndim != 3:
        raise DataError(f"Planes are (H, W, K); found {planes.shape}.")
    if first < 0 or first + planes.shape[2] > IGNORE:
        raise InvalidSpecError(f"{planes.shape[2]} planes from label {first} on do not fit below {IGNORE}.")
    inside = planes != 0
    if overlap is Overlap.REFUSE:
        _refuse(inside)
    labels = np.full(planes.shape[:2], uncovered, np.uint8)
    for plane in overlap.order(inside.sum(axis=(0, 1), dtype=np.int64)):
        labels[inside[:, :, plane]] = first + plane
    return labels


def to_planes(labels: Labels, count: int, *, first: int = 0) -> Planes:
    """(H, W) labels -> (H, W, K) uint8 of 0 and 1: plane k is where the label is ``first + k``.

    ``from_planes`` inverts it under any rule, while every label is one of the planes' or the uncovered one.
    """
    planes: Planes = np.equal(labels[..., np.newaxis], np.arange(first, first + count)).astype(np.uint8)
    return planes


def to_picture(plane: Labels) -> Labels:
    """(H, W) uint8 of 0, 1 and ``IGNORE`` as the picture of a plane: grey values that can be looked at."""
    table = np.zeros(256, np.uint8)
    table[1], table[IGNORE] = INSIDE, UNKNOWN
    return table[plane]


def _refuse(inside: NDArray[np.bool_]) -> None:
    several = inside.sum(axis=2, dtype=np.int64) > 1
    if several.any():
        planes = [int(plane) for plane in np.flatnonzero(inside[several].any(axis=0))]
        raise DataError(
            f"{int(several.sum())} pixels lie in several planes (of {planes}).",
            fix=f"Choose who wins: {', '.join(rule for rule in Overlap if rule is not Overlap.REFUSE)}.",
        )
