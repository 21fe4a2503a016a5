"""What a metric says: a number that carries its own definition."""

from __future__ import annotations

import math

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from ..errors import InvalidSpecError


@frozen(eq=False)
class Score:
    """A metric's value and what it means.

    Attributes:
        name: the metric's name.
        value: the number, NaN where it is undefined.
        per_class: (K,) float64, NaN for a class that has no value ("absent"); None for metrics that have no classes.
        support: (K,) int64 pixels of each class in the truth; None where there is no meaning to it.
        definition: in plain words, how it was computed: formula, average, absent classes, aggregation.
    """

    name: str
    value: float = field(converter=float)
    per_class: NDArray[np.float64] | None = None
    support: NDArray[np.int64] | None = None
    definition: str = ""

    @property
    def defined(self) -> bool:
        """False when there was nothing to compute it from."""
        return not math.isnan(self.value)


@frozen
class NamedNumber:
    """One row of the definitions table: a number, how it comes about, and who prints it."""

    name: str
    value: float
    formula: str
    source: str


def class_score(score: Score, index: int, name: str = "") -> Score:
    """The score of one class alone: ``class_score(iou, 1)`` is the foreground IoU of a binary task."""
    if score.per_class is None:
        raise InvalidSpecError(
            f"Metric {score.name!r} has no value per class.", fix="Use iou, f1, precision or recall."
        )
    if not 0 <= index < len(score.per_class):
        raise InvalidSpecError(f"There is no class {index}: classes are 0 to {len(score.per_class) - 1}.")
    label = name or str(index)
    definition = f"Class {label} alone, of: {score.definition}"
    return Score(f"{score.name}:{label}", score.per_class[index], None, score.support, definition)
