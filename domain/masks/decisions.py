"""From probabilities to masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Labels, Probabilities
from ..terms import Task


def decide(probabilities: Probabilities, task: Task) -> Labels:
    """(..., K) probabilities -> (...) classes: the likeliest, ties to the lowest index.

    Of planes (..., K) of 0 and 1: inside where that is likelier than not.
    """
    decided = probabilities > 0.5 if task.planes else probabilities.argmax(axis=-1)
    return decided.astype(np.uint8)


def confidence(probabilities: Probabilities, decided: Labels, task: Task) -> NDArray[np.float32]:
    """The probability of what was decided, shaped like it: of planes, of being inside or of being outside."""
    if task.planes:
        return np.where(decided, probabilities, 1 - probabilities)
    chosen: NDArray[np.float32] = np.take_along_axis(probabilities, decided[..., np.newaxis], -1)[..., 0]
    return chosen
