"""How far a score would move with other images: percentile bootstrap over images (Efron 1979).

Pixels of one image are alike, so images are what is drawn anew, never pixels; and where images of one patient, slide or
film are alike, those of one group together (Davison and Hinkley 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..arrays import Counts
from ..errors import InvalidSpecError
from .aggregation import evaluate, stack
from .planes import kind_of

if TYPE_CHECKING:
    from ..ports.metric import Metric

_CELLS = 1 << 19  # of draws, and of matrices they add up to, held at a time: 4 MiB each


@frozen
class Interval:
    """A score over the data set with its confidence interval; NaN where it is undefined in every resample.

    ``drawn`` says what was drawn anew: "images", or "groups of images".
    """

    name: str
    value: float
    low: float
    high: float
    level: float
    drawn: str
    definition: str


def interval(
    metric: Metric,
    images: Sequence[Counts],
    *,
    groups: Sequence[str] = (),
    level: float = 0.95,
    resamples: int = 1000,
    seed: int | np.random.Generator = 41,
) -> Interval:
    """Confidence interval of a metric that is aggregated over the data set.

    Args:
        metric: called on the summed counts of each resample.
        images: one matrix per image.
        groups: what each image belongs to; those of one group are drawn together. Empty: every image by itself.
        level: confidence, in (0, 1).
        resamples: how many data sets of the same number of images, or groups, are drawn, with replacement.
        seed: same seed, same interval.

    Raises DataError without any image, InvalidSpecError for a level or number of resamples that cannot be.
    """
    if not 0 < level < 1 or resamples < 1:
        raise InvalidSpecError(f"A level in (0, 1) and at least one resample are needed, not {level} and {resamples}.")
    counts, drawn = (_summed(stack(images), groups), "groups of images") if groups else (stack(images), "images")
    totals = _resampled(counts, resamples, np.random.default_rng(seed))
    values = np.array([metric(kind_of(counts)(total)).value for total in totals])
    defined = values[~np.isnan(values)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(defined, tails).tolist() if defined.size else (float("nan"), float("nan"))
    definition = (
        f"{100 * level:g} % percentile bootstrap: {len(counts)} {drawn} drawn with replacement {resamples} times, "
        f"counts summed, then scored; defined in {defined.size} of them."
    )
    return Interval(metric.name, evaluate(metric, images).value, low, high, level, drawn, definition)


def _summed(counts: Counts, groups: Sequence[str]) -> Counts:
    """One total a group, in the order in which groups first occur."""
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    totals = np.zeros((len(places), *counts.shape[1:]), counts.dtype)
    np.add.at(totals, [places[name] for name in groups], counts)
    return totals


def _resampled(counts: Counts, resamples: int, rng: np.random.Generator) -> Iterator[Counts]:
    """Totals of resampled data sets: draws of images are multinomial, so a total is a product.

    The product is taken in float64, which is exact below 2**53 pixels, because that of integers is not vectorised.
    """
    n = len(counts)
    cells: NDArray[np.float64] = counts.reshape(n, -1).astype(np.float64)
    block = max(1, _CELLS // max(cells.shape))
    for start in range(0, resamples, block):
        draws = rng.multinomial(n, np.full(n, 1 / n), size=min(block, resamples - start))
        yield from (draws @ cells).astype(np.int64).reshape(-1, *counts.shape[1:])
