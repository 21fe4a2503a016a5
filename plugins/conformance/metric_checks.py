"""What every metric on confusion counts must do."""

from __future__ import annotations

import math

import numpy as np
from attrs import frozen

from ...domain.arrays import Counts
from ...domain.metrics.confusion import Confusion
from ...domain.metrics.score import Score
from ...domain.ports.metric import Metric
from . import expect

_CLASSES = 4
_PIXELS = 10**9


@frozen(eq=False)
class MetricSubject:
    """A metric under check."""

    metric: Metric

    def value(self, counts: Counts) -> float:
        """Its number."""
        return self.metric(Confusion(counts)).value


def its_score_says_what_it_is(subject: MetricSubject) -> None:
    """The metric's name, a definition in words, and one value a class or none at all."""
    score = subject.metric(Confusion(_counts()))
    expect.that(isinstance(score, Score), f"it gives a {type(score).__name__}, expected a Score")
    expect.that(score.name == subject.metric.name, f"a score called {score.name!r} of {subject.metric.name!r}")
    expect.that(len(score.definition.split()) > 2, f"its definition is {score.definition!r}: expected words")
    shape = None if score.per_class is None else score.per_class.shape
    expect.that(shape in (None, (_CLASSES,)), f"values of classes of shape {shape}, expected ({_CLASSES},)")


def no_prediction_scores_better_than_the_truth(subject: MetricSubject) -> None:
    """By the direction it says is better; and there is one that scores worse."""
    sign = 1 if subject.metric.higher_is_better else -1
    scores = []
    for seed in range(8):
        counts = _counts(seed)
        scores.append(sign * (subject.value(np.diag(counts.sum(axis=1))) - subject.value(counts)))
    expect.that(min(scores) >= -1e-12, f"a wrong prediction scored better than the truth, by {-min(scores):.6g}")
    expect.that(max(scores) > 1e-9, "no wrong prediction scored worse than the truth")


def without_a_counted_pixel_it_is_undefined(subject: MetricSubject) -> None:
    """NaN: 0, 1 or -1 would be taken for a score."""
    value = subject.value(np.zeros((_CLASSES, _CLASSES), np.int64))
    expect.that(math.isnan(value), f"{value} of no pixel at all, expected NaN")


def a_class_that_is_nowhere_does_no_harm(subject: MetricSubject) -> None:
    """The score is no worse when the class table has one more class, which is neither there nor predicted."""
    counts = _counts()
    before, after = subject.value(counts), subject.value(np.pad(counts, (0, 1)))
    worse = before - after if subject.metric.higher_is_better else after - before
    expect.that(worse <= 1e-12, f"{before:.6g} became {after:.6g} by a class that occurs nowhere")


def the_order_of_classes_does_not_matter_but_for_the_background(subject: MetricSubject) -> None:
    """Class 0 stays; the others may change places, and values of classes with them."""
    order = np.array([0, 3, 1, 2])
    counts = _counts()
    first, second = (subject.metric(Confusion(c)) for c in (counts, counts[np.ix_(order, order)]))
    expect.close("the value of classes in another order", np.array(second.value), np.array(first.value), 1e-9)
    if first.per_class is not None and second.per_class is not None:
        expect.close("values of classes in another order", second.per_class, first.per_class[order], 1e-9)


def the_same_counts_score_the_same_again(subject: MetricSubject) -> None:
    """It keeps nothing between calls, so images can be added up in any order and any batches."""
    counts = _counts()
    before = subject.value(counts)
    subject.value(_counts(1))
    expect.equal("the score after another one", np.array(subject.value(counts)), np.array(before))


def counts_are_not_written_to(subject: MetricSubject) -> None:
    """Read-only arrays are taken as well."""
    counts = _counts()
    counts.setflags(write=False)
    subject.value(counts)
    counts = _counts()
    subject.value(counts)
    expect.equal("counts after scoring", counts, _counts())


def billions_of_pixels_score_as_few_do(subject: MetricSubject) -> None:
    """Products of counts overflow 64 bits: divide first, or compute in float64."""
    counts = _counts()
    few, many = (np.array(subject.value(c)) for c in (counts, counts * _PIXELS))
    expect.close(f"the score of {_PIXELS:,} times the pixels", many, few, 1e-9)


def _counts(seed: int = 0) -> Counts:
    """(K, K) of a fair prediction: every class is there, predicted, and mistaken for every other."""
    counts = np.random.default_rng(seed).integers(1, 50, (_CLASSES, _CLASSES))
    return counts + np.diag(counts.sum(axis=1))


CHECKS = (
    its_score_says_what_it_is,
    no_prediction_scores_better_than_the_truth,
    without_a_counted_pixel_it_is_undefined,
    a_class_that_is_nowhere_does_no_harm,
    the_order_of_classes_does_not_matter_but_for_the_background,
    the_same_counts_score_the_same_again,
    counts_are_not_written_to,
    billions_of_pixels_score_as_few_do,
)
