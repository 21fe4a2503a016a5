"""One mask an instance, and what it becomes: ids of instances, or labels of classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..arrays import AnyArray, Labels
from ..errors import DataError
from .planes import Overlap

Ids = NDArray[np.int32]
"""(H, W) int32: 0 is background, i + 1 is instance i."""
Size = tuple[int, int]


def union(masks: Iterable[AnyArray], size: Size) -> Labels:
    """(H, W) labels: 1 where any mask is nonzero, else 0. The masks are taken one at a time, as from a generator.

    Raises DataError for a mask of another size.
    """
    labels = np.zeros(size, np.uint8)
    for index, mask in enumerate(masks):
        _require_sizes([mask], size, index)
        labels[mask != 0] = 1
    return labels


def to_ids(masks: Sequence[AnyArray], size: Size, overlap: Overlap) -> Ids:
    """Instance ids: ``i + 1`` where mask ``i`` is nonzero, 0 elsewhere.

    Raises DataError for masks of another size, and for overlaps where the rule is ``REFUSE``.
    """
    _require_sizes(masks, size)
    if overlap is Overlap.REFUSE:
        _refuse(masks, size, range(len(masks)))
    ids = np.zeros(size, np.int32)
    for index in overlap.order(_areas(masks)):
        ids[masks[index] != 0] = index + 1
    return ids


def from_ids(ids: AnyArray, count: int | None = None) -> list[NDArray[np.bool_]]:
    """One (H, W) bool mask an instance, for ids 1 to ``count`` (default: the largest id); empty where an id is missing.

    Inverts ``to_ids`` where the masks did not overlap.
    """
    largest = int(ids.max(initial=0))
    count = largest if count is None else count
    if largest > count or ids.min(initial=0) < 0:
        raise DataError(f"Instance ids run from 0 to {count}; found {int(ids.min(initial=0))} to {largest}.")
    return [ids == instance for instance in range(1, count + 1)]


def to_labels(
    masks: Sequence[AnyArray], labels: Sequence[int], size: Size, overlap: Overlap, *, background: int = 0
) -> Labels:
    """(H, W) class labels of instances: ``labels[i]`` where mask ``i`` wins, ``background`` where there is none.

    Instances of one class may overlap under any rule. Raises DataError for masks of another size, for more or fewer
    labels than masks, and for overlaps of different classes where the rule is ``REFUSE``.
    """
    if len(labels) != len(masks):
        raise DataError(f"There are {len(masks)} masks but {len(labels)} labels.")
    _require_sizes(masks, size)
    if overlap is Overlap.REFUSE:
        _refuse(masks, size, labels)
    semantic = np.full(size, background, np.uint8)
    for index in overlap.order(_areas(masks)):
        semantic[masks[index] != 0] = labels[index]
    return semantic


def _areas(masks: Sequence[AnyArray]) -> NDArray[np.int64]:
    return np.array([np.count_nonzero(mask) for mask in masks], np.int64)


def _require_sizes(masks: Sequence[AnyArray], size: Size, start: int = 0) -> None:
    problems = [f"mask {i} is {mask.shape}" for i, mask in enumerate(masks, start) if mask.shape != size]
    if problems:
        raise DataError(f"Every mask of an image must have its size {size}.", problems=problems)


def _refuse(masks: Sequence[AnyArray], size: Size, labels: Sequence[int]) -> None:
    owner = np.full(size, -1, np.int64)  # index of the mask seen last; -1 is none
    kinds = np.array([*labels, -1], np.int64)  # kinds[-1] stands for "none"
    problems = []
    for index, mask in enumerate(masks):
        inside = mask != 0
        others = owner[inside]
        clash = others[(others >= 0) & (kinds[others] != labels[index])]
        if clash.size:
            problems.append(f"mask {index} and mask {int(clash[0])}: {clash.size} pixels")
        owner[inside] = index
    if problems:
        raise DataError(
            "Masks overlap.",
            problems=problems,
            fix=f"Choose who wins: {', '.join(rule for rule in Overlap if rule is not Overlap.REFUSE)}.",
        )
