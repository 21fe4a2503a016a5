"""Loss formulas against independent computations, and what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from segport.adapters.reference.loss import NumpyOps
from segport.adapters.torch.loss import TorchOps
from segport.domain.errors import InvalidSpecError
from segport.domain.losses import supervised
from segport.domain.losses.catalogue import LOSSES, summary
from segport.domain.losses.combined import BceDice, CeDice, WeightedSum
from segport.domain.losses.crossentropy import BinaryCrossEntropy, CrossEntropy
from segport.domain.losses.focal import Focal
from segport.domain.losses.lovasz import LovaszHinge, LovaszSoftmax, lovasz_extension
from segport.domain.losses.regional import Dice, Jaccard, Tversky

OPS = NumpyOps()


def picture(k, shape=(2, 5, 4), seed=0):
    random = np.random.default_rng(seed)
    return random.normal(0, 2, (*shape, k)), random.integers(0, max(k, 2), shape), random.random(shape) < 0.8


def value(loss, logits, truth, valid):
    return float(loss(OPS, logits, truth, valid))


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("weights", [(), (0.2, 1.0, 3.0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_is_torchs(weights, smoothing):
    logits, truth, valid = picture(3)
    theirs = functional.cross_entropy(
        torch.tensor(logits).movedim(-1, 1),
        torch.tensor(np.where(valid, truth, 255)),
        weight=torch.tensor(weights, dtype=torch.float64) if weights else None,
        ignore_index=255,
        label_smoothing=smoothing,
    )
    assert value(CrossEntropy(weights, smoothing), logits, truth, valid) == pytest.approx(theirs.item(), rel=1e-12)


@pytest.mark.parametrize("weights", [(), (1.0, 4.0)])
def test_one_logit_is_cross_entropy_of_two_classes(weights):
    logits, truth, valid = picture(1)
    pair = np.concatenate([np.zeros_like(logits), logits], -1)
    for loss in (CrossEntropy(weights, 0.1), Focal(2.0, weights)):
        assert value(loss, logits, truth, valid) == pytest.approx(value(loss, pair, truth, valid), rel=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_binary_cross_entropy_is_torchs(k):
    logits, truth, valid = picture(k)
    planes = truth[..., None] == (np.arange(3) if k > 1 else 1)
    theirs = functional.binary_cross_entropy_with_logits(
        torch.tensor(logits[valid]), torch.tensor(planes[valid] * 1.0), pos_weight=torch.tensor(2.5).double()
    )
    assert value(BinaryCrossEntropy(2.5), logits, truth, valid) == pytest.approx(theirs.item(), rel=1e-12)


def by_hand(shares, hits, alpha, beta, smooth):
    found = (shares * hits).sum()
    false, missed = (shares * (1 - hits)).sum(), ((1 - shares) * hits).sum()
    return 1 - (found + smooth) / (found + alpha * false + beta * missed + smooth)


@pytest.mark.parametrize(
    ("loss", "alpha", "beta", "smooth"),
    [(Dice(3.0), 0.5, 0.5, 1.5), (Jaccard(2.0), 1, 1, 2.0), (Tversky(0.2, 0.9, 0.5), 0.2, 0.9, 0.5)],
)
def test_regional_losses_by_hand(loss, alpha, beta, smooth):
    logits, truth, valid = picture(4)
    truth[truth == 2] = 0
    terms = [
        by_hand(softmax(logits)[valid][:, c], (truth[valid] == c) * 1.0, alpha, beta, smooth)
        for c in (0, 1, 3)  # class 2 is absent and does not count
    ]
    assert value(loss, logits, truth, valid) == pytest.approx(np.mean(terms), rel=1e-12)
    logits, truth, valid = picture(1)
    expected = by_hand(sigmoid(logits[..., 0])[valid], truth[valid] * 1.0, alpha, beta, smooth)
    assert value(loss, logits, truth, valid) == pytest.approx(expected, rel=1e-12)


def test_dice_is_the_textbook_formula():
    logits, truth, valid = picture(1)
    p, t = sigmoid(logits[..., 0])[valid], truth[valid]
    expected = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    assert value(Dice(), logits, truth, valid) == pytest.approx(expected, rel=1e-12)


def test_a_batch_without_foreground_still_punishes_false_alarms():
    truth, valid = np.zeros((1, 4, 4), int), np.ones((1, 4, 4), bool)
    few, many = np.full((1, 4, 4, 1), -3.0), np.full((1, 4, 4, 1), 3.0)
    for loss in (Dice(), Jaccard(), LovaszHinge(), LovaszSoftmax()):
        assert value(loss, few, truth, valid) < value(loss, many, truth, valid)


def test_focal_by_hand():
    logits, truth, valid = picture(3)
    p = np.take_along_axis(softmax(logits), truth[..., None], -1)[..., 0][valid]
    weights = np.array([1.0, 2.0, 0.5])[truth[valid]]
    expected = (weights * -((1 - p) ** 1.5) * np.log(p)).sum() / weights.sum()
    assert value(Focal(1.5, (1.0, 2.0, 0.5)), logits, truth, valid) == pytest.approx(expected, rel=1e-12)
    assert value(Focal(0.0), logits, truth, valid) == pytest.approx(value(CrossEntropy(), logits, truth, valid))


def jaccard_loss(wrong, hits):
    """1 - IoU of a class when exactly the pixels in ``wrong`` are mistaken: a set function."""
    predicted = hits ^ wrong
    union = (predicted | hits).sum()
    return 1 - (predicted & hits).sum() / union if union else 0.0


def brute_extension(errors, hits):
    """The Lovasz extension by its definition: errors weighted with the growth of the set function along their order."""
    wrong, total, before = np.zeros(len(errors), bool), 0.0, 0.0
    for i in np.argsort(-errors):
        wrong[i] = True
        now = jaccard_loss(wrong, hits)
        total, before = total + errors[i] * (now - before), now
    return total


@pytest.mark.parametrize("hits", list(itertools.product([False, True], repeat=4)))
def test_at_hard_predictions_the_extension_is_the_jaccard_loss(hits):
    hits = np.array(hits)
    for wrong in itertools.product([False, True], repeat=4):
        errors = np.array(wrong, np.float64)
        result = lovasz_extension(OPS, errors[None, :, None], hits[None, :, None] * 1.0, np.ones((1, 4, 1), bool))
        assert float(result[0, 0]) == pytest.approx(jaccard_loss(np.array(wrong), hits), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_between_them_it_is_the_definition_over_valid_pixels(seed):
    random = np.random.default_rng(seed)
    errors, hits = random.random((2, 9, 3)), random.random((2, 9, 3)) < random.choice([0.0, 0.3, 1.0])
    valid = random.random((2, 9, 1)) < 0.7
    result = lovasz_extension(OPS, errors, hits * 1.0, valid)
    for group, label in itertools.product(range(2), range(3)):
        kept = valid[group, :, 0]
        expected = brute_extension(errors[group, kept, label], hits[group, kept, label])
        assert float(result[group, label]) == pytest.approx(expected, abs=1e-12)


def test_lovasz_softmax_is_the_mean_over_present_classes():
    logits, truth, valid = picture(4)
    truth[truth == 1] = 0
    p = softmax(logits)[valid]
    terms = [brute_extension(np.abs((truth[valid] == c) - p[:, c]), truth[valid] == c) for c in (0, 2, 3)]
    assert value(LovaszSoftmax(), logits, truth, valid) == pytest.approx(np.mean(terms), rel=1e-12)


def test_lovasz_hinge_is_the_mean_over_images_that_count():
    logits, truth, valid = picture(1, (3, 4, 4))
    valid[1] = False
    errors = np.maximum(0, 1 - logits[..., 0] * (2 * truth - 1))
    terms = [brute_extension(errors[i][valid[i]], truth[i][valid[i]] == 1) for i in (0, 2)]
    assert value(LovaszHinge(), logits, truth, valid) == pytest.approx(np.mean(terms), rel=1e-12)
    pooled = brute_extension(errors[valid], truth[valid] == 1)
    assert value(LovaszHinge(per_image=False), logits, truth, valid) == pytest.approx(pooled, rel=1e-12)


def test_sums_are_sums():
    for k in (1, 3):
        logits, truth, valid = picture(k)
        parts = [value(part, logits, truth, valid) for part in (CrossEntropy(), Dice())]
        assert value(CeDice(2.0, 3.0), logits, truth, valid) == pytest.approx(2 * parts[0] + 3 * parts[1])
        weighted = WeightedSum((CrossEntropy(), Dice()), (2.0, 3.0))
        assert value(weighted, logits, truth, valid) == pytest.approx(2 * parts[0] + 3 * parts[1])
    logits, truth, valid = picture(1)
    expected = 0.5 * value(BinaryCrossEntropy(), logits, truth, valid) + value(Dice(), logits, truth, valid)
    assert value(BceDice(), logits, truth, valid) == pytest.approx(expected)


def test_bce_dice_of_many_classes_reads_each_against_the_rest():
    logits, truth, valid = picture(3)
    dice = [by_hand(sigmoid(logits)[valid][:, c], (truth[valid] == c) * 1.0, 0.5, 0.5, 0.5) for c in range(3)]
    expected = 0.5 * value(BinaryCrossEntropy(), logits, truth, valid) + np.mean(dice)
    assert value(BceDice(), logits, truth, valid) == pytest.approx(expected)


@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_holds_on_a_large_batch(name):
    logits, truth, valid = picture(1, (4, 256, 256))
    exact = value(LOSSES[name](), logits, truth, valid)
    single = LOSSES[name]()(TorchOps(), torch.tensor(logits).float(), torch.tensor(truth), torch.tensor(valid))
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(exact, rel=2e-6)


def test_outputs_are_supervised_by_weight():
    logits, truth, valid = picture(3)
    outputs = [logits, np.full_like(logits, np.nan)]
    assert float(supervised(Dice(), OPS, outputs, (2.0, 0.0), truth, valid)) == pytest.approx(
        2 * value(Dice(), logits, truth, valid)
    )


@pytest.mark.parametrize("weights", [(1.0,), (0.0, 0.0), (1.0, -1.0), ()])
def test_outputs_need_weights_that_fit(weights):
    logits, truth, valid = picture(3)
    with pytest.raises(InvalidSpecError, match="2 outputs"):
        supervised(Dice(), OPS, [logits, logits], weights, truth, valid)


def test_no_output_is_refused():
    _, truth, valid = picture(3)
    with pytest.raises(InvalidSpecError, match="0 outputs"):
        supervised(Dice(), OPS, [], (), truth, valid)


@pytest.mark.parametrize("loss", [CrossEntropy((1.0, 2.0)), Focal(2.0, (1.0, 2.0)), CeDice(class_weights=(1.0, 2.0))])
def test_class_weights_must_fit_the_classes(loss):
    with pytest.raises(InvalidSpecError, match="2 values, but the task has 3 classes"):
        value(loss, *picture(3))


def test_lovasz_hinge_refuses_many_classes():
    with pytest.raises(InvalidSpecError, match="lovasz-softmax"):
        value(LovaszHinge(), *picture(3))


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: CrossEntropy((1.0, -1.0), 1.0), ["'cross-entropy'", "class_weights", "label_smoothing = 1.0"]),
        (lambda: CrossEntropy((0.0, 0.0)), ["class_weights"]),
        (lambda: BinaryCrossEntropy(0.0), ["'bce'", "positive_weight = 0.0"]),
        (lambda: Dice(0.0), ["'dice'", "smooth = 0.0"]),
        (lambda: Jaccard(float("inf")), ["'jaccard'", "smooth = inf"]),
        (lambda: Tversky(-1.0, 0.0, -2.0), ["'tversky'", "alpha = -1.0", "beta = 0.0", "smooth = -2.0"]),
        (lambda: Focal(-0.1, (float("nan"),)), ["'focal'", "gamma = -0.1", "class_weights"]),
        (lambda: BceDice(0.0, -1.0), ["'bce-dice'", "bce_weight = 0.0", "dice_weight = -1.0"]),
        (lambda: CeDice(0.0, label_smoothing=2.0), ["'ce-dice'", "ce_weight = 0.0", "label_smoothing = 2.0"]),
        (lambda: WeightedSum((Dice(),), (1.0, 2.0)), ["1 losses", "(1.0, 2.0)"]),
        (lambda: WeightedSum((), ()), ["0 losses"]),
        (lambda: WeightedSum((Dice(), Dice()), (0.0, -1.0)), ["weight 0", "weight 1"]),
    ],
)
def test_every_option_out_of_range_is_named(make, parts):
    with pytest.raises(InvalidSpecError) as caught:
        make()
    for part in parts:
        assert part in str(caught.value)


def test_a_list_from_a_file_does_for_weights():
    assert CrossEntropy([1, 2]) == CrossEntropy((1.0, 2.0))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_summary(name):
    assert summary(name).endswith(".")
    assert len(summary(name)) > 20
