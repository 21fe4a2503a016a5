"""The operation table on torch, and the domain's formulas on it, against NumPy and torch's own losses."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from segport.adapters.torch.loss import OPS
from segport.domain.losses.catalogue import LOSSES
from segport.domain.losses.crossentropy import BinaryCrossEntropy, CrossEntropy

GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(0, 3, (2, 4, 5, 3)).astype(np.float32)
Y = GENERATOR.normal(0, 3, X.shape).astype(np.float32)
LABELS = GENERATOR.integers(0, 3, X.shape[:-1])


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (lambda x, y: OPS.exp(x), np.exp(X)),
        (lambda x, y: OPS.log(OPS.exp(x)), X),
        (lambda x, y: OPS.absolute(x), np.abs(X)),
        (lambda x, y: OPS.maximum(x, y), np.maximum(X, Y)),
        (lambda x, y: OPS.maximum(x, 0.5), np.maximum(X, 0.5)),
        (lambda x, y: OPS.minimum(x, y), np.minimum(X, Y)),
        (lambda x, y: OPS.minimum(x, 0.5), np.minimum(X, 0.5)),
        (lambda x, y: OPS.where(x > y, x, y), np.maximum(X, Y)),
        (lambda x, y: OPS.where(x > 0, x, 0.0), np.maximum(X, 0)),
        (lambda x, y: OPS.sigmoid(x), 1 / (1 + np.exp(-X))),
        (lambda x, y: OPS.softplus(10 * x), np.logaddexp(0, 10 * X.astype(np.float64))),
        (lambda x, y: OPS.softmax(x, -1), _softmax(X)),
        (lambda x, y: OPS.log_softmax(x, -1), np.log(_softmax(X))),
        (lambda x, y: OPS.sum(x), X.sum()),
        (lambda x, y: OPS.sum(x, -1), X.sum(-1)),
        (lambda x, y: OPS.sum(x, (0, 2)), X.sum((0, 2))),
        (lambda x, y: OPS.cumulative_sum(x, 1), X.cumsum(1)),
        (lambda x, y: OPS.one_hot(torch.from_numpy(LABELS), 3, x), np.eye(3)[LABELS]),
        (lambda x, y: OPS.pick(x, torch.from_numpy(LABELS)), np.take_along_axis(X, LABELS[..., None], -1)[..., 0]),
        (lambda x, y: OPS.sort_descending(x, 2)[0], -np.sort(-X, 2)),
        (lambda x, y: OPS.take(y, OPS.sort_descending(x, 2)[1], 2), np.take_along_axis(Y, np.argsort(-X, 2), 2)),
        (lambda x, y: OPS.constant([1.0, 2.0, 3.0], x) * x, np.array([1, 2, 3]) * X),
        (lambda x, y: OPS.unstack(x)[1], X[..., 1]),
        (lambda x, y: OPS.cast(x > 0, x), X > 0),
        (lambda x, y: OPS.reshape(x, (8, -1)), X.reshape(8, -1)),
    ],
)
def test_an_operation(found, wanted: np.ndarray) -> None:
    result = found(torch.from_numpy(X), torch.from_numpy(Y))
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), wanted, rtol=2e-6, atol=2e-5)


def test_sorting_keeps_the_order_of_ties() -> None:
    assert OPS.sort_descending(torch.tensor([1.0, 2.0, 1.0, 2.0, 1.0]), 0)[1].tolist() == [1, 3, 0, 2, 4]


def test_gradients_stop_and_pass_by_the_branch_not_taken() -> None:
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    OPS.sum(OPS.where(x > 0, OPS.log(OPS.maximum(x, 1e-3)), 0.0) + OPS.stop_gradient(x)).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.25]


def _value_and_gradient(function) -> tuple[float, np.ndarray]:
    logits = torch.from_numpy(X).clone().requires_grad_()
    value = function(logits)
    value.backward()
    assert logits.grad is not None
    return float(value.detach()), logits.grad.numpy()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [(), (1.0, 2.0, 0.5)])
def test_cross_entropy_is_torchs_own(smoothing: float, weights: tuple[float, ...]) -> None:
    valid = torch.from_numpy(GENERATOR.random(LABELS.shape) < 0.8)
    truth = torch.from_numpy(LABELS)
    formula = CrossEntropy(class_weights=weights, label_smoothing=smoothing)
    native = functional.cross_entropy
    value, gradient = _value_and_gradient(lambda z: formula(OPS, z, truth, valid))
    wanted, right = _value_and_gradient(
        lambda z: native(
            z.permute(0, 3, 1, 2),
            torch.where(valid, truth, 255),
            torch.tensor(weights) if weights else None,
            ignore_index=255,
            label_smoothing=smoothing,
        )
    )
    assert value == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(gradient, right, atol=1e-7)


def test_binary_cross_entropy_is_torchs_own() -> None:
    truth = torch.from_numpy(LABELS % 2)
    formula = BinaryCrossEntropy(positive_weight=3.0)
    value, gradient = _value_and_gradient(lambda z: formula(OPS, z[..., :1], truth, torch.ones_like(truth).bool()))
    wanted, right = _value_and_gradient(
        lambda z: functional.binary_cross_entropy_with_logits(z[..., 0], truth.float(), pos_weight=torch.tensor(3.0))
    )
    assert value == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(gradient, right, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "classes"), [(name, k) for name in LOSSES for k in (1, 3) if (name, k) != ("lovasz-hinge", 3)]
)
def test_every_loss_runs_is_finite_and_falls_along_its_gradient(name: str, classes: int) -> None:
    loss = LOSSES[name]()
    truth = torch.from_numpy(LABELS if classes > 1 else LABELS % 2)
    valid = torch.from_numpy(np.arange(LABELS.size).reshape(LABELS.shape) % 5 > 0)
    logits = torch.from_numpy(X[..., :classes]).clone().requires_grad_()
    value = loss(OPS, logits, truth, valid)
    value.backward()
    assert value.shape == ()
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())
    assert not logits.grad[~valid].any()
    step = 0.01 * logits.grad / logits.grad.norm()
    assert loss(OPS, (logits - step).detach(), truth, valid) < value
