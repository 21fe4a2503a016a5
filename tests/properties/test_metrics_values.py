"""Metrics: agreement with scikit-learn, bounds, symmetries, and the relations between them."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segport.domain.arrays import IGNORE
from segport.domain.metrics.aggregation import evaluate
from segport.domain.metrics.averages import ClassAverage
from segport.domain.metrics.bootstrap import interval
from segport.domain.metrics.confusion import Confusion
from segport.domain.metrics.overlap import F1, MeanIoU, metric, standard_metrics
from segport.domain.ports.metric import Metric

Counts = NDArray[np.int64]
METRICS = {metric.name: metric for metric in standard_metrics()}
SIGNED = {"kappa", "mcc"}
quick = settings(deadline=None)


def pixels(counts: Counts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth and prediction, flat, that have these counts."""
    true, predicted = np.indices(counts.shape)
    return np.repeat(true.ravel(), counts.ravel()), np.repeat(predicted.ravel(), counts.ravel())


@st.composite
def matrices(draw: st.DrawFn, least: int = 2, largest: int = 30) -> Counts:
    classes = draw(st.integers(least, 5))
    counts = draw(arrays.arrays(np.int64, (classes, classes), elements=st.integers(0, largest)))
    assume(counts.sum() > 0)
    return counts


def expected(name: str, counts: Counts) -> float:
    """The number by scikit-learn; classes that have no ratio are left out by hand, as scikit-learn cannot."""
    true, predicted = pixels(counts)
    support, found = counts.sum(axis=1), counts.sum(axis=0)
    labels = {
        "miou": np.flatnonzero(support + found),
        "iou": np.flatnonzero((support + found)[1:]) + 1,
        "f1": np.flatnonzero(support + found),
        "precision": np.flatnonzero(found),
        "recall": np.flatnonzero(support),
        "fwiou": np.flatnonzero(support),
    }
    scores = {
        "miou": oracle.jaccard_score,
        "iou": oracle.jaccard_score,
        "f1": oracle.f1_score,
        "precision": oracle.precision_score,
        "recall": oracle.recall_score,
        "fwiou": oracle.jaccard_score,
    }
    if name in scores:
        if not len(labels[name]):
            return float("nan")
        average = "weighted" if name == "fwiou" else "macro"
        return float(scores[name](true, predicted, labels=labels[name], average=average, zero_division=0))
    if name == "balanced-accuracy":
        return expected("recall", counts)
    if name == "accuracy":
        return float(oracle.accuracy_score(true, predicted))
    stacked = oracle.multilabel_confusion_matrix(true, predicted, labels=np.arange(len(counts)))
    tn, fp, fn, tp = stacked.reshape(-1, 4).T.astype(float)
    if name == "class-accuracy":
        return float(((tp + tn) / (tp + tn + fp + fn)).mean())
    if name == "specificity":
        negative = tn + fp > 0
        return float((tn[negative] / (tn + fp)[negative]).mean()) if negative.any() else float("nan")
    one_true, one_predicted = len(np.unique(true)) == 1, len(np.unique(predicted)) == 1
    if name == "kappa":
        same = one_true and one_predicted and true[0] == predicted[0]
        return float("nan") if same else float(oracle.cohen_kappa_score(true, predicted))
    assert name == "mcc"
    return float("nan") if one_true or one_predicted else float(oracle.matthews_corrcoef(true, predicted))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.parametrize("name", METRICS)
@quick
@given(counts=matrices())
def test_every_metric_agrees_with_scikit_learn(name: str, counts: Counts) -> None:
    assert METRICS[name](Confusion(counts)).value == pytest.approx(expected(name, counts), abs=1e-9, nan_ok=True)


@quick
@given(counts=matrices())
def test_balanced_accuracy_is_scikit_learns(counts: Counts) -> None:
    assume((counts.sum(axis=1) > 0).all())
    true, predicted = pixels(counts)
    value = METRICS["balanced-accuracy"](Confusion(counts)).value
    assert value == pytest.approx(oracle.balanced_accuracy_score(true, predicted))


@pytest.mark.parametrize("name", ["miou", "f1", "precision", "recall"])
@quick
@given(counts=matrices())
def test_values_per_class_agree_with_scikit_learn(name: str, counts: Counts) -> None:
    score = {"miou": oracle.jaccard_score, "f1": oracle.f1_score}.get(name) or getattr(oracle, f"{name}_score")
    labels = np.arange(len(counts))
    wanted = score(*pixels(counts), labels=labels, average=None, zero_division=0)
    per_class = METRICS[name](Confusion(counts)).per_class
    assert per_class is not None
    np.testing.assert_allclose(np.nan_to_num(per_class), wanted)


@pytest.mark.parametrize("name", ["miou", "f1", "precision", "recall"])
@quick
@given(counts=matrices())
def test_micro_agrees_with_scikit_learn(name: str, counts: Counts) -> None:
    score = {"miou": oracle.jaccard_score, "f1": oracle.f1_score}.get(name) or getattr(oracle, f"{name}_score")
    parts = [counts // 2, counts - counts // 2]
    wanted = score(*pixels(counts), labels=np.arange(len(counts)), average="micro", zero_division=0)
    assert evaluate(METRICS[name], parts, "micro").value == pytest.approx(wanted)


@given(matrices(least=1, largest=10**9), st.sampled_from(list(METRICS)))
def test_values_are_bounded(counts: Counts, name: str) -> None:
    score = METRICS[name](Confusion(counts))
    least = -1 - 1e-9 if name in SIGNED else 0
    values = [score.value] if score.per_class is None else [score.value, *score.per_class]
    assert all(np.isnan(value) or least <= value <= 1 + 1e-9 for value in values)
    assert np.array_equal(score.support, counts.sum(axis=1))


@given(arrays.arrays(np.int64, st.integers(1, 6), elements=st.integers(0, 10**12)), st.sampled_from(list(METRICS)))
def test_a_perfect_prediction_scores_one_or_nothing(support: Counts, name: str) -> None:
    value = METRICS[name](Confusion(np.diag(support))).value
    present = np.count_nonzero(support)
    needed = {"iou": np.count_nonzero(support[1:]), "kappa": present - 1, "mcc": present - 1}
    if name == "specificity":
        assert np.isnan(value) or value == 1
    else:
        assert value == (
            pytest.approx(1) if needed.get(name, present) > 0 else pytest.approx(float("nan"), nan_ok=True)
        )


@given(matrices())
def test_iou_and_f1_say_the_same(counts: Counts) -> None:
    iou, f1 = MeanIoU()(Confusion(counts)).per_class, F1()(Confusion(counts)).per_class
    assert iou is not None
    assert f1 is not None
    np.testing.assert_allclose(iou, f1 / (2 - f1))


@given(matrices(), st.integers(0, 2**32), st.sampled_from(sorted(set(METRICS) - {"iou"})))
def test_the_order_of_classes_does_not_matter(counts: Counts, seed: int, name: str) -> None:
    order = np.random.default_rng(seed).permutation(len(counts))
    before, after = METRICS[name](Confusion(counts)), METRICS[name](Confusion(counts[np.ix_(order, order)]))
    assert after.value == pytest.approx(before.value, abs=1e-9, nan_ok=True)
    if before.per_class is not None:
        np.testing.assert_allclose(after.per_class, before.per_class[order])


@given(matrices(), st.integers(2, 9), st.sampled_from(list(METRICS)))
def test_only_shares_of_pixels_matter(counts: Counts, times: int, name: str) -> None:
    before, after = METRICS[name](Confusion(counts)).value, METRICS[name](Confusion(times * counts)).value
    assert after == pytest.approx(before, abs=1e-9, nan_ok=True)


@given(matrices(), st.sampled_from(list(METRICS)))
def test_a_class_that_occurs_nowhere_changes_no_metric(counts: Counts, name: str) -> None:
    wider = np.pad(counts, (0, 1))
    before, after = METRICS[name](Confusion(counts)), METRICS[name](Confusion(wider))
    if name in {"specificity", "class-accuracy"}:  # these do see it: none of its pixels is ever predicted
        assert after.per_class is not None
        assert after.per_class[-1] == 1
    else:
        assert after.value == pytest.approx(before.value, abs=1e-9, nan_ok=True)


@st.composite
def image_lists(draw: st.DrawFn) -> list[Counts]:
    classes = draw(st.integers(2, 4))
    counts = arrays.arrays(np.int64, (classes, classes), elements=st.integers(0, 9))
    return draw(st.lists(counts, min_size=1, max_size=6))


@given(image_lists(), st.sampled_from(list(METRICS)))
def test_dataset_aggregation_is_the_metric_of_the_sum(images: list[Counts], name: str) -> None:
    wanted: Metric = METRICS[name]
    total = Confusion(np.sum(images, axis=0))
    assert evaluate(wanted, images).value == pytest.approx(wanted(total).value, nan_ok=True)


@given(image_lists(), st.sampled_from(list(METRICS)))
def test_per_image_aggregation_is_the_mean_of_defined_values(images: list[Counts], name: str) -> None:
    values = [METRICS[name](Confusion(counts)).value for counts in images]
    defined = [value for value in values if not np.isnan(value)]
    score = evaluate(METRICS[name], images, "per-image")
    assert score.value == pytest.approx(np.mean(defined) if defined else float("nan"), nan_ok=True)
    assert f"the {len(defined)} of {len(images)} images" in score.definition


@given(matrices(), st.integers(1, 4), st.sampled_from(list(METRICS)))
def test_copies_of_one_image_score_alike_under_every_aggregation(counts: Counts, copies: int, name: str) -> None:
    images = [counts] * copies
    single = METRICS[name](Confusion(counts)).value
    for aggregation in ("dataset", "per-image"):
        assert evaluate(METRICS[name], images, aggregation).value == pytest.approx(single, abs=1e-9, nan_ok=True)


@given(matrices())
def test_micro_values_of_all_classes_are_accuracy(counts: Counts) -> None:
    accuracy = METRICS["accuracy"](Confusion(counts)).value
    for name in ("f1", "precision", "recall"):
        assert evaluate(METRICS[name], [counts], "micro").value == pytest.approx(accuracy)


@given(st.integers(2, 5), st.integers(0, 2**32))
def test_ignored_pixels_do_nothing_to_a_score(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, classes, (2, 9, 9), np.uint8)
    keep = rng.random(truth.shape) < 0.7
    masked = np.where(keep, truth, np.uint8(IGNORE))
    kept = Confusion.of(truth[keep], prediction[keep], classes)
    for wanted in standard_metrics():
        score = wanted(Confusion.of(masked, prediction, classes))
        assert score.value == pytest.approx(wanted(kept).value, nan_ok=True)


@quick
@given(image_lists(), st.data())
def test_images_of_a_group_are_drawn_together(images: list[Counts], data: st.DataObject) -> None:
    wanted = metric("accuracy")
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=len(images), max_size=len(images)))
    totals = [sum(i for i, of in zip(images, groups, strict=True) if of == name) for name in dict.fromkeys(groups)]
    found = interval(wanted, images, groups=groups, resamples=20)
    of_totals = interval(wanted, totals, resamples=20)
    np.testing.assert_equal((found.low, found.high), (of_totals.low, of_totals.high))
    assert f"{len(totals)} groups of images drawn" in found.definition
    alone, each = (interval(wanted, images, groups=g, resamples=20) for g in ((), [str(n) for n in range(len(images))]))
    np.testing.assert_equal((alone.low, alone.high), (each.low, each.high))


@quick
@given(image_lists(), st.integers(0, 2**32))
def test_bootstrap_intervals_are_those_of_drawing_images_one_by_one(images: list[Counts], seed: int) -> None:
    wanted = metric("accuracy")
    found = interval(wanted, images, level=0.8, resamples=40, seed=seed)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), size=40)
    values = []
    for draw in draws:
        chosen = [image for image, times in zip(images, draw, strict=True) for _ in range(times)]
        values.append(wanted(Confusion(np.sum(chosen, axis=0))).value)
    defined = [value for value in values if not np.isnan(value)]
    if defined:
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(defined, [0.1, 0.9])))
    else:
        assert np.isnan(found.low)
    assert f"defined in {len(defined)} of them" in found.definition


def test_every_class_average_can_be_pooled() -> None:
    averages = [wanted for wanted in standard_metrics() if isinstance(wanted, ClassAverage)]
    assert {wanted.pooled(Confusion([[3, 1], [0, 4]])).value for wanted in averages} <= {7 / 9, 7 / 8, 4 / 5}
    assert len(averages) == 8
