"""How far a number moves from seed to seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean, stdev

from attrs import frozen


@frozen
class Spread:
    """Mean and standard deviation of a number over several runs.

    Attributes:
        mean: NaN where there is no number.
        sd: of the sample, with n - 1 in the denominator; NaN for fewer than two numbers.
        n: how many numbers there are. NaN, as of a class that is absent, is none.
    """

    mean: float
    sd: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of the values that are no NaN."""
        numbers = [value for value in values if not math.isnan(value)]
        return cls(
            mean=fmean(numbers) if numbers else math.nan,
            sd=stdev(numbers) if len(numbers) > 1 else math.nan,
            n=len(numbers),
        )
