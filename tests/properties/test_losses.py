"""What every loss formula promises, on random pictures of every small shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segport.adapters.reference.loss import NumpyOps
from segport.adapters.torch.loss import TorchOps
from segport.domain.losses.catalogue import LOSSES
from segport.domain.losses.combined import BceDice, CeDice, WeightedSum
from segport.domain.losses.crossentropy import BinaryCrossEntropy, CrossEntropy
from segport.domain.losses.focal import Focal
from segport.domain.losses.lovasz import LovaszHinge, LovaszSoftmax
from segport.domain.losses.regional import Dice, Jaccard, Tversky
from segport.domain.losses.supervision import supervised

NUMPY, TORCH = NumpyOps(), TorchOps()

PLAIN = {name: loss() for name, loss in LOSSES.items()}
VARIED = {
    **PLAIN,
    "smoothed": CrossEntropy(label_smoothing=0.2),
    "weighed-bce": BinaryCrossEntropy(positive_weight=3.0),
    "dice-small-smooth": Dice(smooth=1e-3),
    "focal-root": Focal(gamma=0.5),
    "focal-zero": Focal(gamma=0.0),
    "tversky-recall": Tversky(alpha=0.0, beta=2.0),
    "hinge-pooled": LovaszHinge(per_image=False),
    "lovasz-per-image": LovaszSoftmax(per_image=True),
    "sum": WeightedSum((Jaccard(), Focal(), LovaszSoftmax()), (0.3, 2.0, 1.0)),
    "ce-dice-smoothed": CeDice(ce_weight=0.2, label_smoothing=0.1),
    "bce-dice-weighed": BceDice(bce_weight=2.0, positive_weight=0.5),
}
EVERY = pytest.mark.parametrize("name", VARIED)
EVERY_PLAIN = pytest.mark.parametrize("name", PLAIN)
quick = settings(max_examples=6, deadline=None)


@st.composite
def pictures(draw):
    """A function of a loss's name: logits, truth, valid. Some pictures lack classes, some have no valid pixel."""
    shape = tuple(draw(st.integers(1, top)) for top in (3, 5, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    spread = draw(st.sampled_from([0.1, 2.0, 8.0]))
    share = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    outputs = draw(st.sampled_from([1, 2, 4]))
    lacking = draw(st.booleans())

    def make(name):
        k = 1 if "hinge" in name else 4 if name == "four" else outputs
        random = np.random.default_rng(seed)
        truth = random.integers(0, max(k, 2) - lacking, shape)
        return random.normal(0, spread, (*shape, k)), truth, random.random(shape) < share

    return make


def value(loss, logits, truth, valid):
    result = loss(NUMPY, logits, truth, valid)
    assert result.shape == ()
    return float(result)


def gradient(loss, logits, truth, valid, dtype=torch.float64):
    """Value and gradient by torch's autograd."""
    x = torch.tensor(logits, dtype=dtype, requires_grad=True)
    result = loss(TORCH, x, torch.tensor(truth), torch.tensor(valid))
    result.backward()
    return result.item(), x.grad.numpy()


def perfect(truth, k, size=30.0):
    hits = truth[..., None] == np.arange(k) if k > 1 else truth[..., None] == 1
    return np.where(hits, size, -size).astype(np.float64)


@EVERY_PLAIN
@quick
@given(make=pictures())
def test_a_perfect_prediction_minimises(name, make):
    logits, truth, valid = make(name)
    best = value(PLAIN[name], perfect(truth, logits.shape[-1]), truth, valid)
    assert best == pytest.approx(0.0, abs=1e-6)
    assert best <= value(PLAIN[name], logits, truth, valid) + 1e-9


@EVERY_PLAIN
@quick
@given(make=pictures())
def test_the_opposite_of_the_truth_costs_more_than_the_truth(name, make):
    logits, truth, valid = make(name)
    k = logits.shape[-1]
    assume(valid.any())
    wrong = perfect((truth + 1) % max(k, 2), k)
    assert value(PLAIN[name], wrong, truth, valid) > value(PLAIN[name], perfect(truth, k), truth, valid) + 0.1


@EVERY
@quick
@given(make=pictures(), junk=st.sampled_from([0.0, 1e4, -1e4, np.inf, np.nan]))
def test_ignored_pixels_change_neither_value_nor_gradient(name, make, junk):
    logits, truth, valid = make(name)
    other_logits = np.where(valid[..., None], logits, junk)
    other_truth = np.where(valid, truth, max(logits.shape[-1], 2) - 1 - truth)
    before, slope = gradient(VARIED[name], logits, truth, valid)
    after, other_slope = gradient(VARIED[name], other_logits, other_truth, valid)
    assert before == after
    np.testing.assert_array_equal(slope, other_slope)
    assert not slope[~valid].any()
    assert value(VARIED[name], logits, truth, valid) == value(VARIED[name], other_logits, other_truth, valid)


@EVERY
@quick
@given(make=pictures())
def test_ignored_pixels_might_as_well_not_be_there(name, make):
    logits, truth, valid = make(name)
    assume(valid.any())
    # One image, so that the mean over images is the mean over the batch.
    logits, truth, valid = (a.reshape(1, -1, 1, *a.shape[3:]) for a in (logits, truth, valid))
    kept = valid[0, :, 0]
    alone = value(VARIED[name], logits[:, kept], truth[:, kept], valid[:, kept])
    assert value(VARIED[name], logits, truth, valid) == pytest.approx(alone, rel=1e-9, abs=1e-12)


@EVERY
@quick
@given(make=pictures())
def test_without_a_valid_pixel_loss_and_gradient_are_exactly_zero(name, make):
    logits, truth, valid = make(name)
    cost, slope = gradient(VARIED[name], logits, truth, np.zeros_like(valid), torch.float32)
    assert cost == 0.0
    assert not slope.any()


@EVERY
@pytest.mark.parametrize("size", [100.0, 1e4])
@quick
@given(make=pictures())
def test_extreme_logits_have_finite_values_and_gradients(name, size, make):
    logits, truth, valid = make(name)
    ideal = perfect(truth, logits.shape[-1], size)
    for extreme in (np.sign(logits) * size, ideal, -ideal, np.zeros_like(logits)):
        cost, slope = gradient(VARIED[name], extreme, truth, valid, torch.float32)
        assert np.isfinite(cost)
        assert np.isfinite(slope).all()


@EVERY
@quick
@given(make=pictures(), seed=st.integers(0, 999))
def test_gradients_are_those_of_finite_differences(name, make, seed):
    logits, truth, valid = make(name)
    logits = np.clip(logits, -3, 3)
    direction = np.random.default_rng(seed).normal(size=logits.shape)
    direction /= np.linalg.norm(direction)
    _, slope = gradient(VARIED[name], logits, truth, valid)
    step = 1e-6
    ahead, behind = (value(VARIED[name], logits + sign * step * direction, truth, valid) for sign in (1, -1))
    middle = value(VARIED[name], logits, truth, valid)
    # At a kink, where errors swap places or a hinge bends, the slope lies between the two sides.
    sides = sorted([(ahead - middle) / step, (middle - behind) / step])
    assert sides[0] - 1e-4 <= float((slope * direction).sum()) <= sides[1] + 1e-4


@EVERY
@quick
@given(make=pictures())
def test_torch_and_numpy_agree(name, make):
    logits, truth, valid = make(name)
    cost, _ = gradient(VARIED[name], logits, truth, valid)
    assert value(VARIED[name], logits, truth, valid) == pytest.approx(cost, rel=1e-7, abs=1e-8)
    single, _ = gradient(VARIED[name], logits, truth, valid, torch.float32)
    assert single == pytest.approx(cost, rel=1e-4, abs=1e-5)


@EVERY
@quick
@given(make=pictures(), seed=st.integers(0, 999))
def test_the_order_of_images_and_pixels_does_not_matter(name, make, seed):
    logits, truth, valid = make(name)
    random = np.random.default_rng(seed)
    before = value(VARIED[name], logits, truth, valid)
    images = random.permutation(len(truth))
    assert value(VARIED[name], logits[images], truth[images], valid[images]) == pytest.approx(before, rel=1e-9)
    flat = [a.reshape(len(truth), -1, 1, *a.shape[3:]) for a in (logits, truth, valid)]
    pixels = random.permutation(flat[1].shape[1])
    assert value(VARIED[name], *(a[:, pixels] for a in flat)) == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in VARIED if "hinge" not in name])
@quick
@given(make=pictures(), order=st.permutations(range(4)))
def test_the_numbering_of_classes_does_not_matter(name, make, order):
    logits, truth, valid = make("four")
    renamed = np.argsort(order)[truth]
    before = value(VARIED[name], logits, truth, valid)
    assert value(VARIED[name], logits[..., order], renamed, valid) == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("loss", [CrossEntropy((1.0, 2.0, 0.0, 5.0), 0.1), Focal(2.0, (1.0, 2.0, 0.0, 5.0))])
@quick
@given(make=pictures(), order=st.permutations(range(4)))
def test_class_weights_follow_their_classes_and_only_ratios_matter(loss, make, order):
    logits, truth, valid = make("four")
    before = value(loss, logits, truth, valid)
    weights = [loss.class_weights[i] * 7 for i in order]
    other = type(loss)(class_weights=weights, **({"label_smoothing": 0.1} if isinstance(loss, CrossEntropy) else {}))
    renamed = np.argsort(order)[truth]
    assert value(other, logits[..., order], renamed, valid) == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("name", ["cross-entropy", "bce", "focal", "lovasz-hinge", "lovasz-softmax", "hinge-pooled"])
@quick
@given(make=pictures())
def test_a_batch_costs_as_much_as_the_same_batch_twice(name, make):
    logits, truth, valid = make(name)
    twice = [np.concatenate([a, a]) for a in (logits, truth, valid)]
    assert value(VARIED[name], *twice) == pytest.approx(value(VARIED[name], logits, truth, valid), rel=1e-9)


@quick
@given(make=pictures(), weights=st.lists(st.floats(0.1, 3.0), min_size=1, max_size=4))
def test_deep_supervision_is_the_weighted_sum_over_outputs(make, weights):
    logits, truth, valid = make("four")
    outputs = [logits * scale for scale in np.linspace(1, 0.2, len(weights))]
    expected = sum(w * value(CeDice(), x, truth, valid) for w, x in zip(weights, outputs, strict=True))
    assert float(supervised(CeDice(), NUMPY, outputs, weights, truth, valid)) == pytest.approx(expected)
