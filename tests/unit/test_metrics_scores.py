"""Scores: worked examples, absent classes, names, definitions in words, tables."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from segport.domain.errors import DataError, InvalidSpecError, UnknownNameError
from segport.domain.metrics.aggregation import evaluate
from segport.domain.metrics.averages import Absent
from segport.domain.metrics.bootstrap import interval
from segport.domain.metrics.confusion import Confusion
from segport.domain.metrics.overlap import ALIASES, F1, ForegroundIoU, MeanIoU, Precision, metric, standard_metrics
from segport.domain.metrics.score import class_score
from segport.domain.metrics.table import class_rows, shown

THREE = np.array([[6, 2, 0], [0, 2, 0], [0, 0, 0]])
"""Class 2 is neither in the truth nor predicted. IoU: 6/8, 2/4."""


def test_absent_classes_are_left_out_by_default_and_said_to_be() -> None:
    score = MeanIoU()(Confusion(THREE))
    assert score.per_class is not None
    assert score.per_class[:2].tolist() == [0.75, 0.5]
    assert math.isnan(score.per_class[2])
    assert score.value == 0.625
    assert "left out (absent)" in score.definition


@pytest.mark.parametrize(("absent", "filled"), [("zero", 0.0), (Absent.ONE, 1.0)])
def test_absent_classes_can_count_as_zero_or_one(absent: Absent, filled: float) -> None:
    score = MeanIoU(absent=absent)(Confusion(THREE))
    assert score.value == pytest.approx((1.25 + filled) / 3)
    assert f"counts as {filled:.0f}" in score.definition


def test_a_class_predicted_where_it_is_not_scores_zero_and_is_not_absent() -> None:
    assert MeanIoU()(Confusion([[5, 0, 0], [0, 4, 1], [0, 0, 0]])).value == pytest.approx((1 + 0.8 + 0) / 3)


def test_background_can_be_left_out_of_the_mean() -> None:
    score = F1(include_background=False)(Confusion([[6, 2], [0, 2]]))
    assert score.value == pytest.approx(2 / 3)
    assert score.per_class == pytest.approx([12 / 14, 2 / 3])
    assert "all classes but class 0" in score.definition
    assert ForegroundIoU()(Confusion([[6, 2], [0, 2]])).value == 0.5


def test_nothing_counted_is_undefined_and_not_an_error() -> None:
    for wanted in standard_metrics():
        assert not wanted(Confusion.zero(3)).defined, wanted.name


def test_products_of_large_counts_do_not_overflow() -> None:
    confusion = Confusion(np.array([[9, 1], [1, 9]]) * 10**17)
    assert metric("kappa")(confusion).value == pytest.approx(0.8)
    assert metric("mcc")(confusion).value == pytest.approx(0.8)


def test_names_are_unique_and_aliases_lead_to_them() -> None:
    names = [wanted.name for wanted in standard_metrics()]
    assert len(set(names)) == len(names)
    assert {metric(alias).name for alias in ALIASES} <= set(names)
    assert not set(ALIASES) & set(names)
    assert metric("dice").name == "f1"


def test_one_class_is_chosen_by_name_or_number() -> None:
    confusion = Confusion(THREE)
    assert metric("iou:car", ["road", "car", "sky"])(confusion).value == 0.5
    assert metric("iou:car", ["road", "car", "sky"]).name == "iou:car"
    assert metric("miou:0")(confusion).value == 0.75
    assert evaluate(metric("f1:1"), [THREE]).definition.startswith("Class 1 alone, of: ")


@pytest.mark.parametrize(("name", "hint"), [("mioo", "'miou'"), ("iou:cra", "'car'"), ("iou:7", "Known: car, road")])
def test_unknown_names_show_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=hint):
        metric(name, ["road", "car"])


def test_a_class_of_a_metric_without_classes_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="no value per class"):
        metric("kappa:1")(Confusion(THREE))
    with pytest.raises(InvalidSpecError, match="no class 3"):
        class_score(MeanIoU()(Confusion(THREE)), 3)


def test_every_definition_says_how_it_was_aggregated() -> None:
    images = [THREE, np.eye(3, dtype=np.int64)]
    for wanted in standard_metrics():
        assert "all 2 images are summed first (dataset)" in evaluate(wanted, images).definition
        assert "(per-image)" in evaluate(wanted, images, "per-image").definition
    assert "(micro)" in evaluate(MeanIoU(), images, "micro").definition


def test_per_image_values_of_a_class_skip_images_without_it() -> None:
    score = evaluate(Precision(), [THREE, np.diag([0, 1, 3])], "per-image")
    assert score.per_class == pytest.approx([1.0, 0.75, 1.0])
    assert score.support is not None
    assert score.support.tolist() == [8, 3, 3]


def test_what_cannot_be_aggregated_is_refused() -> None:
    with pytest.raises(DataError, match="no image"):
        evaluate(MeanIoU(), [])
    with pytest.raises(DataError, match=r"\[\(2, 2\), \(3, 3\)\]"):
        evaluate(MeanIoU(), [THREE, np.eye(2, dtype=np.int64)])
    with pytest.raises(InvalidSpecError, match=r"'kappa'.*'micro'"):
        evaluate(metric("kappa"), [THREE], "micro")


def test_class_rows_hold_every_number_of_a_class() -> None:
    road, car, sky = class_rows([THREE, THREE], ["road", "car", "sky"])
    assert (road.iou, road.precision, road.recall, road.support, road.predicted) == (0.75, 1.0, 0.75, 16, 12)
    assert (car.dice, car.accuracy, car.absent) == (pytest.approx(2 / 3), 0.8, False)
    assert sky.absent
    assert shown(sky.iou) == "absent"
    assert shown(road.iou) == "0.7500"


def test_class_rows_want_a_name_for_each_class() -> None:
    with pytest.raises(DataError, match="2 and 3 classes"):
        class_rows([THREE], ["road", "car"])


def test_an_interval_repeats_with_its_seed_and_holds_the_value() -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 90, (2, 2)) + np.diag([200, 50]) for _ in range(30)]
    first, again = (interval(MeanIoU(), images, resamples=200, seed=5) for _ in range(2))
    assert first == again
    assert first.low < first.value < first.high
    narrow = interval(MeanIoU(), images, resamples=200, seed=5, level=0.5)
    assert first.low < narrow.low < narrow.high < first.high
    assert interval(MeanIoU(), images, resamples=200, seed=6) != first


def test_an_interval_of_many_images_takes_little_memory() -> None:
    """All draws at once would be 40 MB."""
    images = [np.diag([i % 7, i % 5]) + 1 for i in range(5000)]
    interval(MeanIoU(), images[:9])  # what is imported at first use counts not
    tracemalloc.start()
    interval(MeanIoU(), images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(("level", "resamples"), [(0.0, 10), (1.0, 10), (95, 10), (0.9, 0)])
def test_impossible_intervals_are_refused(level: float, resamples: int) -> None:
    with pytest.raises(InvalidSpecError, match="level in"):
        interval(MeanIoU(), [THREE], level=level, resamples=resamples)
