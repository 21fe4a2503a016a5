"""Labels and one-hot planes. An ignored pixel is the row of zeros, so the planes say everything the labels do."""

from __future__ import annotations

import numpy as np

from ..arrays import IGNORE, AnyArray, Labels, Planes
from ..errors import DataError


def to_onehot(labels: Labels, classes: int) -> Planes:
    """(...) labels -> (..., K) uint8 with one 1 a pixel, or none where it is ``IGNORE``.

    Raises DataError for labels that are neither a class nor ``IGNORE``.
    """
    wrong = [int(value) for value in np.unique(labels) if classes <= value < IGNORE]
    if wrong:
        raise DataError(f"Labels {wrong} are neither one of {classes} classes nor {IGNORE} (ignored).")
    planes: Planes = np.equal(labels[..., np.newaxis], np.arange(classes)).astype(np.uint8)
    return planes


def from_onehot(planes: AnyArray) -> Labels:
    """Exact inverse of ``to_onehot``, for any integer or bool dtype.

    Raises DataError for more than 255 planes, values other than 0 and 1, and pixels with several ones (see ``planes``).
    """
    if planes.shape[-1] > IGNORE:
        raise DataError(f"Labels can tell {IGNORE} classes apart, not {planes.shape[-1]}.")
    if not np.isin(planes, (0, 1)).all():
        raise DataError("One-hot planes hold 0 and 1 only.")
    ones = planes.sum(axis=-1, dtype=np.int64)
    if several := int((ones > 1).sum()):
        raise DataError(
            f"{several} pixels belong to several classes.", fix="Use the multilabel planes, with a rule for overlaps."
        )
    index = planes.argmax(axis=-1) if planes.shape[-1] else ones
    return np.where(ones == 0, IGNORE, index).astype(np.uint8)
