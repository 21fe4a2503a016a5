"""Planes: classes that may overlap. Apart they are a multiclass task, alone a binary one, and resized one by one."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segport.adapters.reference.loss import OPS as NUMPY
from segport.adapters.torch.loss import OPS as TORCH
from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.losses.catalogue import LOSSES
from segport.domain.losses.combined import BceDice
from segport.domain.losses.planes import PerPlane
from segport.domain.masks.planes import to_planes
from segport.domain.metrics.aggregation import Aggregation, evaluate
from segport.domain.metrics.averages import Outcomes
from segport.domain.metrics.bootstrap import interval
from segport.domain.metrics.confusion import Confusion
from segport.domain.metrics.overlap import ForegroundIoU, MeanIoU, metrics_for, plane_metrics
from segport.domain.metrics.planes import PlaneConfusion, count, kind_of
from segport.domain.metrics.table import class_rows
from segport.domain.ports.loss import OneClassAPixel
from segport.domain.resampling import Fit, Frame, resize_labels
from segport.domain.statistics import PixelStatistics

quick = settings(max_examples=12, deadline=None)
BINARY = {name: loss() for name, loss in LOSSES.items() if not isinstance(loss(), OneClassAPixel)}


@st.composite
def planes(draw, *, ignored=True):
    """A truth of 0, 1 and, if wanted, IGNORE, and a prediction of 0 and 1: (H, W, K) each."""
    shape = tuple(draw(st.integers(1, top)) for top in (5, 6, 3))
    truth = draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 1, IGNORE] if ignored else [0, 1])))
    return truth, draw(arrays(np.uint8, shape, elements=st.integers(0, 1)))


@quick
@given(pair=planes())
def test_one_plane_counts_what_a_binary_task_does(pair) -> None:
    truth, prediction = pair
    found = PlaneConfusion.of(truth, prediction, truth.shape[-1])
    for k in range(truth.shape[-1]):
        alone = Confusion.of(truth[..., k], prediction[..., k], 2)
        np.testing.assert_array_equal(found.counts[k], alone.counts)
        one = PlaneConfusion(found.counts[k : k + 1])
        assert MeanIoU()(one).value == pytest.approx(ForegroundIoU()(alone).value, nan_ok=True)


@quick
@given(shape=st.tuples(st.integers(1, 6), st.integers(1, 6)), classes=st.integers(2, 4), seed=st.integers(0, 2**32 - 1))
def test_classes_that_cover_all_without_overlap_score_as_a_multiclass_task(shape, classes, seed) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = (rng.integers(0, classes, shape).astype(np.uint8) for _ in range(2))
    apart = count(to_planes(truth, classes), to_planes(prediction, classes), classes)
    together = count(truth, prediction, classes)
    for name in ("tp", "fp", "fn", "tn"):
        np.testing.assert_array_equal(getattr(Outcomes.of(apart), name), getattr(Outcomes.of(together), name))
    assert MeanIoU()(apart).value == MeanIoU()(together).value
    rows = [class_rows([found.counts], "abcd"[:classes]) for found in (apart, together)]
    assert str(rows[0]) == str(rows[1])  # NaN is equal to nothing, itself included


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@quick
@given(pair=planes(ignored=False))
def test_planes_score_as_scikit_learn_scores_label_sets(pair) -> None:
    classes = pair[0].shape[-1]
    true, predicted = (part.reshape(-1, classes) for part in pair)
    found = count(*pair, classes)
    rows = np.arange(classes)
    true, predicted = (np.hstack([part, np.zeros_like(part[:, :1])]) for part in (true, predicted))  # never one column
    np.testing.assert_array_equal(found.counts, oracle.multilabel_confusion_matrix(true, predicted)[rows])
    scores = {metric.name: metric(found) for metric in plane_metrics()}
    for name, theirs in (("miou", oracle.jaccard_score), ("f1", oracle.f1_score)):
        occurs = (true | predicted).any(axis=0)[rows]
        per_class = np.where(occurs, theirs(true, predicted, average=None, zero_division=0)[rows], np.nan)
        np.testing.assert_allclose(scores[name].per_class, per_class)
        wanted = np.nan if np.isnan(per_class).all() else np.nanmean(per_class)
        assert scores[name].value == pytest.approx(wanted, nan_ok=True)
    loss = oracle.hamming_loss(true[:, :-1].ravel(), predicted[:, :-1].ravel())
    assert scores["accuracy"].value == pytest.approx(1 - loss)


@quick
@given(pair=planes(), other=planes())
def test_counts_of_planes_add_up(pair, other) -> None:
    classes = min(pair[0].shape[-1], other[0].shape[-1])
    first, second = (count(t[..., :classes], p[..., :classes], classes) for t, p in (pair, other))
    assert kind_of([first.counts]) is PlaneConfusion
    assert first + PlaneConfusion.zero(classes) == first
    assert first + second == second + first == PlaneConfusion.sum([first, second], classes)
    both = [first.counts, second.counts]
    for metric in metrics_for(first.counts):
        assert evaluate(metric, both).value == pytest.approx(metric(first + second).value, nan_ok=True)
    per_image = evaluate(MeanIoU(), both, Aggregation.PER_IMAGE).value
    values = [value for value in (MeanIoU()(first).value, MeanIoU()(second).value) if not np.isnan(value)]
    assert per_image == pytest.approx(np.mean(values) if values else np.nan, nan_ok=True)


def test_images_of_planes_are_drawn_anew_as_others_are() -> None:
    counts = [np.array([[[5, 1], [2, 8]], [[9, 3], [0, 4]]]) * scale for scale in (1, 2, 5)]
    found = interval(MeanIoU(), counts, resamples=50)
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx((8 / 11 + 4 / 7) / 2)


def test_what_are_no_planes_is_refused() -> None:
    one = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(DataError, match="expected 2 planes"):
        PlaneConfusion.of(one, one, 2)
    with pytest.raises(DataError, match="value 7: 1 pixels"):
        count(one, np.where(np.arange(12).reshape(2, 2, 3) == 4, 7, one), 3)
    with pytest.raises(InvalidSpecError, match=r"\(K, 2, 2\)"):
        PlaneConfusion(np.zeros((2, 3, 3)))


@quick
@given(pair=planes(), size=st.tuples(st.integers(1, 7), st.integers(1, 7)), fit=st.sampled_from(Fit))
def test_every_plane_is_resized_by_the_one_rule(pair, size, fit) -> None:
    truth = pair[0]
    frame = Frame.for_fit(fit, truth.shape[:2], size)
    placed, resized = frame.place_labels(truth), resize_labels(truth, size)
    restored = frame.restore_labels(placed)
    for k in range(truth.shape[2]):
        plane = np.ascontiguousarray(truth[..., k])
        np.testing.assert_array_equal(resized[..., k], resize_labels(plane, size))
        np.testing.assert_array_equal(placed[..., k], frame.place_labels(plane))
        np.testing.assert_array_equal(restored[..., k], frame.restore_labels(placed[..., k]))


@quick
@given(pair=planes())
def test_statistics_count_every_plane(pair) -> None:
    truth, _ = pair
    classes = truth.shape[2]
    found = PixelStatistics.of(np.zeros((*truth.shape[:2], 1), np.uint8), truth, classes)
    assert found.pixels.tolist() == [(truth[..., k] == 1).sum() for k in range(classes)]
    assert found.images.tolist() == [(truth[..., k] == 1).any() for k in range(classes)]
    counted = [(truth[..., k] != IGNORE).sum() for k in range(classes)]
    assert found.present.tolist() == [n * seen for n, seen in zip(counted, found.images, strict=True)]
    assert found.ignored == (truth.min(axis=2) == IGNORE).sum()


@st.composite
def batches(draw):
    """Logits, truth and valid of (N, H, W, K): what is valid differs from plane to plane."""
    shape = tuple(draw(st.integers(1, top)) for top in (2, 4, 4, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.5, 1.0]))
    return rng.normal(0, 2, shape), rng.integers(0, 2, shape), rng.random(shape) < share


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=4, deadline=None)
@given(batch=batches())
def test_the_loss_of_planes_is_the_weighted_mean_of_binary_losses(name, batch) -> None:
    logits, truth, valid = batch
    classes = logits.shape[-1]
    alone = [BINARY[name](NUMPY, logits[..., k : k + 1], truth[..., k], valid[..., k]) for k in range(classes)]
    assert float(PerPlane(BINARY[name])(NUMPY, *batch)) == pytest.approx(np.mean(alone), abs=1e-12)
    weights = (1.0, 0.0, 3.0)[:classes]
    weighed = PerPlane(BINARY[name], weights)(NUMPY, *batch)
    assert float(weighed) == pytest.approx(np.average(alone, weights=weights), abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=4, deadline=None)
@given(batch=batches())
def test_torch_computes_the_loss_of_planes_as_numpy_does_and_ignores_what_does_not_count(name, batch) -> None:
    logits, truth, valid = batch
    x = torch.tensor(logits, requires_grad=True)
    found = PerPlane(BINARY[name])(TORCH, x, torch.tensor(truth), torch.tensor(valid))
    found.backward()
    assert found.item() == pytest.approx(float(PerPlane(BINARY[name])(NUMPY, *batch)), abs=1e-9)
    assert x.grad is not None
    assert not x.grad.numpy()[~valid].any()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 4))
def test_planes_of_one_class_a_pixel_cost_what_sigmoids_over_its_classes_do(seed, classes) -> None:
    rng = np.random.default_rng(seed)
    logits, truth = rng.normal(0, 2, (2, 4, 5, classes)), rng.integers(0, classes, (2, 4, 5))
    valid = np.ones(truth.shape, bool)
    loss, hits = BceDice(positive_weight=2.0), np.eye(classes, dtype=int)[truth]
    apart = PerPlane(loss)(NUMPY, logits, hits, np.ones(hits.shape, bool))
    assert float(apart) == pytest.approx(float(loss(NUMPY, logits, truth, valid)))


def test_weights_of_planes_must_be_one_a_class() -> None:
    batch = np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3), int), np.ones((1, 2, 2, 3), bool)
    with pytest.raises(InvalidSpecError, match="2 values, but the task has 3 classes"):
        PerPlane(BINARY["bce"], (1.0, 2.0))(NUMPY, *batch)
    with pytest.raises(InvalidSpecError, match="at least 0"):
        PerPlane(BINARY["bce"], (-1.0,))
