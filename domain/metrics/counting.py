"""Counting (truth, prediction) pairs of label maps, as fast as NumPy can.

Pixels are uint8, so a pair fits in one small integer, truth * K + prediction, and the ignored ones (truth 255) can be
given bins of their own that are thrown away afterwards: no boolean mask, no copy of the valid pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import IGNORE, Counts, Labels
from ..errors import DataError, InvalidSpecError

_CHUNK = 1 << 16  # pixels counted at a time, so that the wide copy bincount makes of its input stays in the cache
_MOST_PACKED = 15  # largest K with K * K + K <= 256: pairs and the ignored fit in one byte
_FEW = 3  # classes up to which K * K vectorised comparisons beat one scalar histogram
_PAIRED_FROM = 1 << 15  # pixels from which counting two bytes at once pays for its 65536 bins


def count_pairs(truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> Counts:
    """(K, K) int64 counts, row = truth, column = prediction, of the pixels whose truth is not ``IGNORE``.

    Raises DataError when shapes differ or a counted pixel holds anything but a class in [0, classes), InvalidSpecError
    for a number of classes outside [1, 255].
    """
    if not 1 <= classes <= IGNORE:
        raise InvalidSpecError(f"The number of classes is between 1 and {IGNORE}, not {classes}.")
    if truth.shape != prediction.shape:
        raise DataError(
            f"Truth has shape {truth.shape} and prediction {prediction.shape}: they must be equal.",
            fix="Compare masks at the size of the truth.",
        )
    true, predicted = _usable(truth, prediction, classes)
    histogram = _count_bytes if classes <= _MOST_PACKED else _count_words
    return histogram(true, predicted, classes).reshape(classes, classes)


def _usable(truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> tuple[Labels, Labels]:
    """Both as flat uint8, after a check that costs two quick passes when nothing is wrong."""
    true, predicted = truth.reshape(-1), prediction.reshape(-1)
    if true.size == 0:
        return true.astype(np.uint8), predicted.astype(np.uint8)
    if _outside(predicted, classes):
        counted = true != IGNORE
        _refuse_strays("Prediction", predicted[counted], classes)
        predicted = np.where(counted, predicted, 0)
    # IGNORE + 1 wraps to 0 in uint8, so one maximum finds both 255 and strays
    if true.dtype != np.uint8 or int((true + np.uint8(1)).max()) > classes:
        _refuse_strays("Truth", true[true != IGNORE], classes)
    return true.astype(np.uint8, copy=False), predicted.astype(np.uint8, copy=False)


def _outside(values: NDArray[np.integer], classes: int) -> bool:
    return int(values.max()) >= classes or (values.dtype != np.uint8 and int(values.min()) < 0)


def _refuse_strays(what: str, values: NDArray[np.integer], classes: int) -> None:
    """Raises DataError listing each value that is no class, with its number of pixels."""
    strays, pixels = np.unique(values[(values < 0) | (values >= classes)], return_counts=True)
    if strays.size:
        found = zip(strays.tolist(), pixels.tolist(), strict=True)
        raise DataError(
            f"{what} holds values that are no class: classes are 0 to {classes - 1}.",
            problems=[f"value {value}: {count} pixels" for value, count in found],
            fix="Encode masks through the class map first, and mark what shall not count as ignored in the truth.",
        )


def _count_bytes(truth: Labels, prediction: Labels, classes: int) -> Counts:
    """K <= 15: pairs in one byte. 255 * K wraps to 256 - K, so ignored pixels fall above the K * K bins."""
    pairs = truth * np.uint8(classes) + prediction
    if classes <= _FEW:
        return np.array([np.count_nonzero(pairs == value) for value in range(classes * classes)], np.int64)
    if pairs.size < _PAIRED_FROM:
        return np.bincount(pairs, minlength=256)[: classes * classes].astype(np.int64, copy=False)
    even = pairs.size - pairs.size % 2
    twice = _bincount(pairs[:even].view(np.uint16), 1 << 16).reshape(256, 256)
    counts: Counts = twice.sum(axis=0) + twice.sum(axis=1) + np.bincount(pairs[even:], minlength=256)
    return counts[: classes * classes]


def _count_words(truth: Labels, prediction: Labels, classes: int) -> Counts:
    """K > 15: pairs in two bytes, ignored pixels from 255 * K on."""
    pairs = truth.astype(np.uint16)
    pairs *= np.uint16(classes)
    pairs += prediction
    return _bincount(pairs, 256 * classes)[: classes * classes]


def _bincount(values: NDArray[np.uint16], bins: int) -> Counts:
    total: Counts = np.bincount(values[:_CHUNK], minlength=bins).astype(np.int64, copy=False)
    for start in range(_CHUNK, values.size, _CHUNK):
        total += np.bincount(values[start : start + _CHUNK], minlength=bins)
    return total
