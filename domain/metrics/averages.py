"""Metrics that give every class a ratio of its own and average the ratios."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from .confusion import Confusion
from .score import Score

Values = NDArray[np.float64]


class Absent(StrEnum):
    """What becomes of a class whose ratio is 0 / 0: usually one that is neither in the truth nor predicted."""

    EXCLUDE = "exclude"
    """NaN, and left out of the mean: it says nothing about the model."""
    ZERO = "zero"
    ONE = "one"


_TREATMENT = {Absent.EXCLUDE: "is left out (absent)", Absent.ZERO: "counts as 0", Absent.ONE: "counts as 1"}


@frozen(eq=False)
class Outcomes:
    """Each class against the rest: (K,) float64 pixels that are true or false positives or negatives."""

    tp: Values
    fp: Values
    fn: Values
    tn: Values

    @classmethod
    def of(cls, confusion: Confusion) -> Outcomes:
        """Reads them off a confusion matrix."""
        parts = (
            confusion.true_positives,
            confusion.false_positives,
            confusion.false_negatives,
            confusion.true_negatives,
        )
        return cls(*(part.astype(np.float64) for part in parts))


def divide(numerator: Values, denominator: Values) -> Values:
    """Element by element, NaN where the denominator is 0."""
    result: Values = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def mean(values: Values) -> float:
    """Of the values that are not NaN; NaN when there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


@frozen
class ClassAverage(ABC):
    """Mean over classes of a ratio of pixels, each class against the rest.

    Attributes:
        absent: what becomes of a class whose ratio is 0 / 0.
        include_background: whether class 0 takes part in the mean; its own value is given in any case.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    undefined: ClassVar[str]
    higher_is_better: ClassVar[bool] = True

    absent: Absent = field(default=Absent.EXCLUDE, converter=Absent)
    include_background: bool = True

    @abstractmethod
    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """Numerator and denominator of every class, (K,) each."""

    def __call__(self, confusion: Confusion) -> Score:
        """The mean over classes; every class in ``per_class``."""
        per_class = self._filled(divide(*self.ratio(Outcomes.of(confusion))))
        definition = f"Mean over {self._averaged()} of {self.formula}. {self._absent_words()}"
        return Score(self.name, mean(per_class[self._first :]), per_class, confusion.support, definition)

    def pooled(self, confusion: Confusion) -> Score:
        """The "micro" value: numerators and denominators are summed over classes, then divided once."""
        numerator, denominator = self.ratio(Outcomes.of(confusion))
        value = divide(numerator[self._first :].sum(), denominator[self._first :].sum())
        per_class = self._filled(divide(numerator, denominator))
        definition = f"{self.formula}, pixels summed over {self._averaged()} before dividing (micro)."
        return Score(self.name, float(self._filled(value)), per_class, confusion.support, definition)

    @property
    def _first(self) -> int:
        return 0 if self.include_background else 1

    def _averaged(self) -> str:
        return "all classes" if self.include_background else "all classes but class 0 (background)"

    def _absent_words(self) -> str:
        return f"A class {self.undefined} {_TREATMENT[self.absent]}."

    def _filled(self, values: Values) -> Values:
        if self.absent is Absent.EXCLUDE:
            return values
        return np.where(np.isnan(values), 1.0 if self.absent is Absent.ONE else 0.0, values)
