"""The pinned update formulas against torch.optim, and what their options refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segport.domain.errors import InvalidSpecError
from segport.domain.training.optimizers import OPTIMIZERS, Adam, AdamW, Sgd, clip_by_norm, decays, mean_gradient

RATES = [0.1, 0.1, 0.03, 0.2, 0.01, 0.05, 0.002, 0.1]

CASES = [
    pytest.param(Sgd(momentum=0.0), lambda p: torch.optim.SGD(p, lr=1.0), id="sgd-plain"),
    pytest.param(
        Sgd(momentum=0.9, weight_decay=0.05),
        lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9, weight_decay=0.05),
        id="sgd-momentum",
    ),
    pytest.param(
        Sgd(momentum=0.8, nesterov=True, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.8, nesterov=True, weight_decay=0.01),
        id="sgd-nesterov",
    ),
    pytest.param(Adam(), lambda p: torch.optim.Adam(p, lr=1.0), id="adam"),
    pytest.param(
        # A large epsilon tells apart the places where it can stand in the formula.
        Adam(beta1=0.8, beta2=0.95, epsilon=0.1, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, lr=1.0, betas=(0.8, 0.95), eps=0.1, weight_decay=0.1),
        id="adam-options",
    ),
    pytest.param(
        AdamW(weight_decay=0.2, epsilon=0.01),
        lambda p: torch.optim.AdamW(p, lr=1.0, weight_decay=0.2, eps=0.01),
        id="adamw",
    ),
]


@pytest.mark.parametrize(("ours", "make_theirs"), CASES)
def test_an_update_equals_torchs_over_many_steps(ours, make_theirs):
    random = np.random.default_rng(3)
    weight = random.normal(size=(4, 3, 2, 2)).astype(np.float32)
    slots = {slot: np.zeros_like(weight) for slot in ours.slots}
    parameter = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    theirs = make_theirs([parameter])
    for step, rate in enumerate(RATES, start=1):
        gradient = random.normal(size=weight.shape).astype(np.float32)
        theirs.param_groups[0]["lr"] = rate
        parameter.grad = torch.from_numpy(gradient.copy())
        theirs.step()
        weight, slots = ours.update(weight, gradient, slots, step, rate)
        np.testing.assert_allclose(weight, parameter.detach().numpy(), rtol=2e-6, atol=2e-6)
    assert weight.dtype == np.float32
    assert set(slots) == set(ours.slots)
    assert all(slot.dtype == np.float32 for slot in slots.values())


@pytest.mark.parametrize("ours", [Sgd(weight_decay=0.5), Adam(weight_decay=0.5), AdamW(weight_decay=0.5)])
def test_biases_and_norms_do_not_decay(ours):
    weight = np.ones(3, np.float32)
    slots = {slot: np.zeros_like(weight) for slot in ours.slots}
    still, _ = ours.update(weight, np.zeros_like(weight), slots, 1, 0.1)
    np.testing.assert_array_equal(still, weight)
    kernel = np.ones((1, 3), np.float32)
    slots = {slot: np.zeros_like(kernel) for slot in ours.slots}
    shrunk, _ = ours.update(kernel, np.zeros_like(kernel), slots, 1, 0.1)
    assert (shrunk < kernel).all()


def test_decay_is_for_kernels_alone():
    assert decays("encoder.conv1.weight", (64, 3, 7, 7))
    assert not decays("encoder.bn1.weight", (64,))
    assert not decays("head.bias", (2,))
    assert not decays("odd.bias", (2, 1))


@pytest.mark.parametrize("limit", [0.5, 1e3])
def test_clipping_equals_torchs(limit):
    random = np.random.default_rng(5)
    gradients = {name: random.normal(size=shape).astype(np.float32) for name, shape in [("a", (3, 4)), ("b", (5,))]}
    parameters = [torch.nn.Parameter(torch.zeros(gradient.shape)) for gradient in gradients.values()]
    for parameter, gradient in zip(parameters, gradients.values(), strict=True):
        parameter.grad = torch.from_numpy(gradient.copy())
    torch.nn.utils.clip_grad_norm_(parameters, limit)
    clipped = clip_by_norm(gradients, limit)
    for parameter, gradient in zip(parameters, clipped.values(), strict=True):
        np.testing.assert_allclose(gradient, parameter.grad.numpy(), rtol=1e-6)
        assert gradient.dtype == np.float32


def test_clipping_leaves_zero_gradients_alone():
    assert not clip_by_norm({"a": np.zeros(3, np.float32)}, 1.0)["a"].any()


def test_accumulated_gradients_are_averaged():
    batches = [{"a": np.full(2, value, np.float32)} for value in (1.0, 2.0, 6.0)]
    mean = mean_gradient(batches)["a"]
    np.testing.assert_array_equal(mean, np.full(2, 3.0, np.float32))
    assert mean.dtype == np.float32


def test_every_problem_of_an_optimizer_is_named():
    with pytest.raises(InvalidSpecError) as caught:
        Adam(beta1=1.0, beta2=-0.1, epsilon=0.0, weight_decay=float("nan"))
    text = str(caught.value)
    assert "optimizer 'adam'" in text
    for part in ("beta1 = 1.0", "beta2 = -0.1", "epsilon = 0.0", "weight_decay = nan"):
        assert part in text


def test_nesterov_needs_momentum():
    with pytest.raises(InvalidSpecError, match="nesterov"):
        Sgd(momentum=0.0, nesterov=True)


def test_the_table_names_every_optimizer():
    assert dict(OPTIMIZERS) == {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
