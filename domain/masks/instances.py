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


def to_ids(masks: Iterable[AnyArray], size: Size, overlap: Overlap) -> Ids:
    """Instance ids: ``i + 1`` where mask ``i`` is nonzero, 0 elsewhere. The masks are taken one at a time.

    Raises DataError for masks of another size, and for overlaps where the rule is ``REFUSE``.
    """
    owners, _ = _owners(masks, size, overlap)
    return owners + np.int32(1)


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
    masks: Iterable[AnyArray], labels: Sequence[int], size: Size, overlap: Overlap, *, background: int = 0
) -> Labels:
    """(H, W) class labels of instances: ``labels[i]`` where mask ``i`` wins, ``background`` where there is none.

    The masks are taken one at a time, as from a generator. Instances of one class may overlap under any rule. Raises
    DataError for masks of another size, for more or fewer labels than masks, and for overlaps of different classes
    where the rule is ``REFUSE``.
    """
    owners, count = _owners(masks, size, overlap, labels)
    if len(labels) != count:
        raise DataError(f"There are {count} masks but {len(labels)} labels.")
    return np.array([*labels, background], np.uint8)[owners]  # the last is what -1 stands for


def _owners(
    masks: Iterable[AnyArray], size: Size, overlap: Overlap, labels: Sequence[int] | None = None
) -> tuple[Ids, int]:
    """(H, W) index of the mask that wins each pixel, -1 for none; and how many masks there were.

    A data set may draw thousands of masks on one image: no more than one of them is held at a time.
    """
    owners = np.full(size, -1, np.int32)
    smallest = np.full(size, owners.size + 1, np.int64)
    misfits, clashes, count = [], [], 0
    for index, mask in enumerate(masks):
        count += 1
        if mask.shape != size:
            misfits.append(f"mask {index} is {mask.shape}")
            continue
        inside = mask != 0
        if overlap is Overlap.FIRST:
            inside &= owners < 0
        elif overlap is Overlap.SMALLEST:
            area = np.count_nonzero(inside)
            inside &= area < smallest
            smallest[inside] = area
        elif overlap is Overlap.REFUSE:
            clashes += _clashes(owners[inside], index, labels)
        owners[inside] = index
    if misfits:
        raise DataError(f"Every mask of an image must have its size {size}.", problems=misfits)
    if clashes:
        rules = ", ".join(rule for rule in Overlap if rule is not Overlap.REFUSE)
        raise DataError("Masks overlap.", problems=clashes, fix=f"Choose who wins: {rules}.")
    return owners, count


def _clashes(others: NDArray[np.int32], index: int, labels: Sequence[int] | None) -> list[str]:
    """What to say where a mask lies on ``others``, the owners so far of its pixels; none of those of its own label."""
    found = others[others >= 0]
    if labels is not None:
        found = found[np.asarray(labels)[found] != labels[index]]
    return [f"mask {index} and mask {int(found[0])}: {found.size} pixels"] if found.size else []


def _require_sizes(masks: Sequence[AnyArray], size: Size, start: int = 0) -> None:
    problems = [f"mask {i} is {mask.shape}" for i, mask in enumerate(masks, start) if mask.shape != size]
    if problems:
        raise DataError(f"Every mask of an image must have its size {size}.", problems=problems)
