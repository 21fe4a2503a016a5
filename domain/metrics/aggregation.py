"""From one matrix per image to one score: which sum comes before which division."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from ..arrays import Counts
from ..errors import DataError, InvalidSpecError
from .averages import ClassAverage, mean
from .confusion import Confusion
from .planes import kind_of
from .score import Score

if TYPE_CHECKING:
    from ..ports.metric import Metric


class Aggregation(StrEnum):
    """The order of summing and dividing."""

    DATASET = "dataset"
    """Counts of all images are summed, then the metric is computed once. Large images and objects weigh more."""
    PER_IMAGE = "per-image"
    """The metric of every image, averaged over the images where it is defined. Every image weighs the same."""
    MICRO = "micro"
    """Counts are summed over images and over classes, then divided once. Frequent classes weigh more."""


def stack(images: Sequence[Counts]) -> Counts:
    """(n, K, K) int64 of the images' matrices, (n, K, 2, 2) of planes.

    Raises DataError when there are none or their sizes differ.
    """
    if not len(images):
        raise DataError("There is nothing to score: no image was counted.")
    shapes = sorted({np.shape(counts) for counts in images})
    if len(shapes) > 1:
        raise DataError(f"The images' matrices differ in shape: {shapes}.", fix="Count all with one class map.")
    return np.asarray(images, np.int64)


def evaluate(metric: Metric, images: Sequence[Counts], aggregation: Aggregation | str = Aggregation.DATASET) -> Score:
    """A metric over images, given one matrix each; the score's definition says how they were aggregated.

    Raises DataError without any image, InvalidSpecError for "micro" of a metric that has no classes to pool.
    """
    counts = stack(images)
    total = kind_of(counts)(counts.sum(axis=0))
    match Aggregation(aggregation):
        case Aggregation.DATASET:
            return _said(metric(total), f"Pixels of all {len(counts)} images are summed first (dataset).")
        case Aggregation.PER_IMAGE:
            return _per_image(metric, counts, total)
        case Aggregation.MICRO:
            if not isinstance(metric, ClassAverage):
                raise InvalidSpecError(
                    f"Metric {metric.name!r} is no average over classes, so it has no 'micro' value.",
                    fix="Use the aggregation 'dataset' or 'per-image'.",
                )
            return _said(metric.pooled(total), f"Pixels of all {len(counts)} images are summed first.")


def _per_image(metric: Metric, counts: Counts, total: Confusion) -> Score:
    scores = [metric(type(total)(image)) for image in counts]
    defined = sum(score.defined for score in scores)
    words = f"Computed for each image, then averaged over the {defined} of {len(scores)} images where it is defined"
    parts = [score.per_class for score in scores if score.per_class is not None]
    per_class = np.array([mean(column) for column in np.stack(parts, axis=1)]) if parts else None
    value = mean(np.array([score.value for score in scores]))
    return _said(evolve(scores[0], value=value, per_class=per_class, support=total.support), f"{words} (per-image).")


def _said(score: Score, how: str) -> Score:
    return evolve(score, definition=f"{score.definition} {how}")
