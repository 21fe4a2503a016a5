"""The operation table on TensorFlow against NumPy, in a traced function whose sizes are open."""

from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)

from segport.adapters.reference.loss import OPS as NUMPY
from segport.adapters.tensorflow.loss import OPS
from segport.adapters.tensorflow.runtime import tf
from segport.domain.losses.catalogue import LOSSES
from segport.domain.losses.planes import PerPlane
from segport.domain.ports.loss import OneClassAPixel

GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(0, 3, (2, 4, 5, 3)).astype(np.float32)
Y = GENERATOR.normal(0, 3, X.shape).astype(np.float32)
LABELS = GENERATOR.integers(0, 3, X.shape[:-1])


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


PLANES = LABELS[..., None] == np.arange(3), GENERATOR.random(X.shape) < 0.8
"""Truth and validity of three classes."""


CASES = {
    "exp": (lambda x, y, t: OPS.exp(x), np.exp(X)),
    "log": (lambda x, y, t: OPS.log(OPS.exp(x)), X),
    "absolute": (lambda x, y, t: OPS.absolute(x), np.abs(X)),
    "maximum": (lambda x, y, t: OPS.maximum(x, y), np.maximum(X, Y)),
    "maximum of a number": (lambda x, y, t: OPS.maximum(x, 0.5), np.maximum(X, 0.5)),
    "minimum": (lambda x, y, t: OPS.minimum(x, y), np.minimum(X, Y)),
    "minimum of a number": (lambda x, y, t: OPS.minimum(x, 0.5), np.minimum(X, 0.5)),
    "where": (lambda x, y, t: OPS.where(x > y, x, y), np.maximum(X, Y)),
    "where else a number": (lambda x, y, t: OPS.where(x > 0, x, 0.0), np.maximum(X, 0)),
    "sigmoid": (lambda x, y, t: OPS.sigmoid(x), 1 / (1 + np.exp(-X))),
    "softplus": (lambda x, y, t: OPS.softplus(10 * x), np.logaddexp(0, 10 * X.astype(np.float64))),
    "softmax": (lambda x, y, t: OPS.softmax(x, -1), _softmax(X)),
    "log_softmax": (lambda x, y, t: OPS.log_softmax(x, -1), np.log(_softmax(X))),
    "sum": (lambda x, y, t: OPS.sum(x), X.sum()),
    "sum of an axis": (lambda x, y, t: OPS.sum(x, -1), X.sum(-1)),
    "sum of axes": (lambda x, y, t: OPS.sum(x, (0, 2)), X.sum((0, 2))),
    "cumulative_sum": (lambda x, y, t: OPS.cumulative_sum(x, 1), X.cumsum(1)),
    "one_hot": (lambda x, y, t: OPS.one_hot(t, 3, x), np.eye(3)[LABELS]),
    "pick": (lambda x, y, t: OPS.pick(x, t), np.take_along_axis(X, LABELS[..., None], -1)[..., 0]),
    "sort": (lambda x, y, t: OPS.sort_descending(x, 2)[0], -np.sort(-X, 2)),
    "take": (
        lambda x, y, t: OPS.take(y, OPS.sort_descending(x, 1)[1], 1),
        np.take_along_axis(Y, np.argsort(-X, 1), 1),
    ),
    "constant": (lambda x, y, t: OPS.constant([1.0, 2.0, 3.0], x) * x, np.array([1, 2, 3]) * X),
    "unstack": (lambda x, y, t: OPS.unstack(x)[1], X[..., 1]),
    "cast": (lambda x, y, t: OPS.cast(x > 0, x), X > 0),
    "reshape": (lambda x, y, t: OPS.reshape(x, (OPS.shape(x)[0] * 4, 5, OPS.shape(x)[3])), X.reshape(8, 5, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation(name: str) -> None:
    function, wanted = CASES[name]
    open_sizes = tf.TensorSpec((None, None, None, 3))
    labels = tf.TensorSpec((None, None, None), tf.int32)
    result = tf.function(function, input_signature=[open_sizes, open_sizes, labels])(X, Y, LABELS.astype(np.int32))
    assert result.dtype == tf.float32
    np.testing.assert_allclose(result.numpy(), wanted, rtol=2e-6, atol=2e-5)


def test_sorting_keeps_the_order_of_ties() -> None:
    ties = tf.constant([1.0, 2.0, 1.0, 2.0, 1.0])
    assert OPS.sort_descending(ties, 0)[1].numpy().tolist() == [1, 3, 0, 2, 4]


def test_gradients_stop_and_pass_by_the_branch_not_taken() -> None:
    x = tf.constant([-1.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        chosen = OPS.where(x > 0, OPS.log(OPS.maximum(x, 1e-3)), 0.0)
        total = OPS.sum(chosen + OPS.stop_gradient(x))
    assert tape.gradient(total, x).numpy().tolist() == [0.0, 0.25]


def test_the_gradient_of_a_sort_goes_back_where_it_came_from() -> None:
    x = tf.constant([[3.0, 1.0], [2.0, 5.0], [4.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = OPS.sum(OPS.sort_descending(x, 0)[0] * tf.constant([[1.0], [10.0], [100.0]]))
    assert tape.gradient(total, x).numpy().tolist() == [[10.0, 10.0], [100.0, 1.0], [1.0, 100.0]]


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if not isinstance(loss(), OneClassAPixel)])
def test_the_loss_of_planes_and_its_gradient_where_sizes_are_open(name: str) -> None:
    loss = PerPlane(LOSSES[name](), (1.0, 2.0, 0.5))
    truth, valid = PLANES[0].astype(np.int32), PLANES[1]

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, 3), kind) for kind in (tf.float32, tf.int32, tf.bool)]
    )
    def traced(x: tf.Tensor, t: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(OPS, x, t, v)
        return value, tape.gradient(value, x)

    value, gradient = traced(X, truth, valid)
    assert float(value) == pytest.approx(float(loss(NUMPY, X.astype(np.float64), truth, valid)), rel=1e-5)
    assert gradient.numpy()[valid].any()
    assert not gradient.numpy()[~valid].any()
