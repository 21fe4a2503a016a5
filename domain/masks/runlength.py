"""Run-length encodings of binary masks. Both conventions run down the columns, and neither says how large the mask is.

COCO: lengths of alternating runs, zeros first (pycocotools ``maskApi.c``), as a list or as its compressed string.
Kaggle: "start length start length ...", starts counted from 1, ones only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..arrays import AnyArray
from ..errors import DataError

Size = tuple[int, int]

_BITS = 60
"""Of a run's length, and more than any image needs."""
_FAR = 1 << _BITS


def runs(flat: AnyArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and ends (exclusive) of the runs of nonzero values in a one-dimensional array."""
    inside = np.zeros(flat.size + 2, np.int8)
    inside[1:-1] = flat != 0
    edges = np.flatnonzero(np.diff(inside))
    return edges[::2], edges[1::2]


def to_counts(mask: AnyArray) -> list[int]:
    """(H, W) mask, nonzero is inside -> COCO's uncompressed counts."""
    edges = np.stack(runs(_columns(mask)), axis=1).ravel()
    counts = np.diff(edges, prepend=0, append=mask.size)
    if len(counts) > 1 and counts[-1] == 0:  # the mask ends inside: there is no last run of zeros
        counts = counts[:-1]
    return [int(count) for count in counts]


def from_counts(counts: Sequence[int], size: Size) -> NDArray[np.uint8]:
    """COCO's uncompressed counts -> (H, W) uint8 of 0 and 1.

    Raises DataError for negative counts, and where they do not add up to the number of pixels.
    """
    if any(count < 0 for count in counts):
        raise DataError(f"Run lengths cannot be negative; found {min(counts)}.")
    covered = min(sum(counts), _FAR)  # Python does not write numbers of thousands of digits
    if covered != size[0] * size[1]:
        raise DataError(
            f"The runs cover {covered} pixels, but {size[0]} by {size[1]} are {size[0] * size[1]}.",
            fix="Is the size (height, width)?",
        )
    values = np.arange(len(counts), dtype=np.int64) % 2
    return _mask(np.repeat(values, np.asarray(counts, np.int64)).astype(np.uint8), size)


def compress(counts: Sequence[int]) -> str:
    """Counts -> COCO's compressed string.

    From the fourth on, a count is written as its difference to the count before last; then in groups of five bits,
    lowest first, each with a bit that says whether more follow, as one printable character from "0" on.
    """
    text = []
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)  # the top bit of the last group carries the sign
            text.append(chr(group + (32 if more else 0) + 48))
    return "".join(text)


def decompress(text: str) -> list[int]:
    """Inverse of ``compress``. Raises DataError for other characters and for a string that stops within a number."""
    counts: list[int] = []
    value = shift = 0
    for place, character in enumerate(text):
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise DataError(f"A compressed run-length string has no character {character!r} (position {place}).")
        value |= (group & 31) << shift
        shift += 5
        if shift > _BITS:
            raise DataError(f"A compressed run-length string holds a number without end (position {place}).")
        if not group & 32:
            value -= (group & 16) << (shift - 4)
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise DataError("The compressed run-length string stops within a number: it was cut off.")
    return counts


def to_kaggle(mask: AnyArray) -> str:
    """(H, W) mask, nonzero is inside -> "start length ..."; an empty mask is the empty string."""
    starts, ends = runs(_columns(mask))
    return " ".join(f"{start + 1} {end - start}" for start, end in zip(starts.tolist(), ends.tolist(), strict=True))


def from_kaggle(text: str, size: Size) -> NDArray[np.uint8]:
    """ "start length ..." -> (H, W) uint8 of 0 and 1.

    Raises DataError for anything but pairs of positive integers, and for runs that overlap, are out of order or reach
    beyond the mask.
    """
    try:
        numbers = np.array([int(token) for token in text.split()], np.int64).clip(-_FAR, _FAR)
    except (ValueError, OverflowError) as error:
        raise DataError(f"A run-length text holds integers only: {error}.") from error
    if len(numbers) % 2:
        raise DataError(f"A run-length text holds pairs of start and length; found {len(numbers)} numbers.")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    pixels = size[0] * size[1]
    _check_kaggle(starts, lengths, pixels)
    edges = np.zeros(pixels + 1, np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + lengths, -1)
    return _mask(np.cumsum(edges[:-1]).astype(np.uint8), size)


def _check_kaggle(starts: NDArray[np.int64], lengths: NDArray[np.int64], pixels: int) -> None:
    problems = []
    if (starts < 0).any():
        problems.append(f"starts are counted from 1; found {int(starts.min()) + 1}")
    if (lengths < 1).any():
        problems.append(f"lengths are at least 1; found {int(lengths.min())}")
    if (starts[1:] < (starts + lengths)[:-1]).any():
        problems.append("runs must be in order and must not overlap")
    if len(starts) and (beyond := int((starts + lengths).max())) > pixels:
        problems.append(f"the runs reach pixel {beyond}, but there are {pixels}; is the size (height, width)?")
    if problems:
        raise DataError("The run-length text does not describe a mask.", problems=problems)


def _columns(mask: AnyArray) -> AnyArray:
    if mask.ndim != 2:
        raise DataError(f"A binary mask is (H, W); found {mask.shape}.")
    return mask.ravel(order="F")


def _mask(flat: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    return np.ascontiguousarray(flat.reshape(size, order="F"))
