"""What only the TensorFlow session promises: one trace, determinism, dropout by seed and step, loss scaling."""

from importlib.util import find_spec

import attrs
import numpy as np
import pytest

if find_spec("tensorflow") is None:
    pytest.skip("tensorflow is not installed", allow_module_level=True)

from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.tensorflow.metric import confusions, predictions
from segport.adapters.tensorflow.runtime import tf
from segport.adapters.tensorflow.scaling import LossScale
from segport.domain.arrays import IGNORE
from segport.domain.errors import CheckpointError, InvalidSpecError
from segport.domain.losses.combined import CeDice
from segport.domain.metrics.confusion import Confusion
from segport.domain.ports.backend import Precision, StepPlan, TrainState
from segport.domain.spec import ModelSpec
from segport.domain.training.optimizers import AdamW, Sgd
from segport.plugins.conformance.subject import batch, lively, small_spec, train


def session_of(spec: ModelSpec, precision: Precision = Precision.FP32, *, jit_compile: bool = False, **changes):
    backend = TensorflowBackend(jit_compile)
    model = backend.build(spec, lively(spec.graph, 0), device="cpu", precision=precision)
    return backend.trainer(model, attrs.evolve(StepPlan(CeDice(), (1.0, 0.5), AdamW()), **changes))


def run(spec: ModelSpec, precision: Precision, steps: int = 3, **changes) -> TrainState:
    session = session_of(spec, precision, **changes)
    train(session, [batch(spec, seed=i) for i in range(steps)], 0.01)
    return session.snapshot()


def assert_same_bytes(one: TrainState, other: TrainState) -> None:
    for some, others in ((one.weights, other.weights), (one.slots, other.slots)):
        assert list(some) == list(others)
        for name in some:
            assert some[name].tobytes() == others[name].tobytes(), name


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2}], ids=["each", "accumulated"])
def test_the_step_is_traced_once_whatever_rate_size_epoch_or_snapshot(changes) -> None:
    spec = small_spec(dropout=0.2)
    session = session_of(spec, **changes)
    for epoch in range(2):
        for rate, (count, size) in ((0.01, (3, (24, 32))), (0.005, (2, (16, 40))), (0.0, (1, (24, 32)))):
            train(session, [batch(spec, count, size, seed=epoch)] * 2, rate)
        session.drain()
        session.restore(session.snapshot())
    assert session.compiled_step.experimental_get_tracing_count() == 1


def test_nothing_is_read_from_the_device_before_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_spec()
    session, reads = session_of(spec), []
    kind = type(tf.constant(0.0))
    read = kind._numpy
    monkeypatch.setattr(kind, "_numpy", lambda self: reads.append(1) or read(self))
    train(session, [batch(spec)] * 4, 0.01)
    assert not reads
    session.drain()
    assert len(reads) == 2  # the losses and the counts


def test_the_same_run_in_half_precision_gives_the_same_bytes() -> None:
    spec = small_spec(dropout=0.4)
    assert_same_bytes(run(spec, Precision.BF16), run(spec, Precision.BF16))


def test_resuming_accumulated_steps_gives_the_bytes_of_an_uninterrupted_run() -> None:
    spec = small_spec(dropout=0.4)
    batches = [batch(spec, seed=i) for i in range(8)]
    whole, first, second = (session_of(spec, accumulate=2) for _ in range(3))
    train(whole, batches, 0.01)
    train(first, batches[:4], 0.01)
    second.restore(first.snapshot())
    train(second, batches[4:], 0.01)
    assert_same_bytes(second.snapshot(), whole.snapshot())


def test_dropout_depends_on_the_seed_of_the_plan_and_on_the_step() -> None:
    spec = small_spec(dropout=0.4)
    one, other = (run(spec, Precision.FP32, steps=1, seed=seed).weights["head.weight"] for seed in (1, 2))
    assert not np.array_equal(one, other)
    session = session_of(spec)
    train(session, [batch(spec)] * 2, 0.0)
    first, second = session.drain().losses
    assert first != second


def test_tensorflows_own_random_state_is_left_alone() -> None:
    tf.random.set_seed(3)
    wanted = tf.random.uniform(()).numpy()
    tf.random.set_seed(3)
    run(small_spec(dropout=0.4), Precision.FP32, steps=1)
    assert tf.random.uniform(()).numpy() == wanted


def test_losses_are_computed_in_float32_whatever_the_precision() -> None:
    seen = []

    def loss(ops, logits, truth, valid):
        seen.append((logits.dtype, truth.dtype, valid.dtype, logits.shape[-1]))
        return ops.sum(logits)

    spec = small_spec(outputs=1)
    train(session_of(spec, Precision.BF16, loss=loss, output_weights=(1.0,)), [batch(spec)], 0.0)
    assert seen == [(tf.float32, tf.int32, tf.bool, 4)]


@pytest.mark.parametrize(("precision", "tolerance"), [(Precision.FP32, 1e-5), (Precision.BF16, 1e-2)])
def test_a_step_compiled_with_xla_leaves_the_same_weights(precision: Precision, tolerance: float) -> None:
    spec = small_spec()
    plain, compiled = (
        session_of(spec, precision, jit_compile=jit, optimizer=Sgd(), accumulate=2) for jit in (False, True)
    )
    for session in (plain, compiled):
        train(session, [batch(spec, seed=i) for i in range(4)], 0.01)
    wanted, found = plain.snapshot(), compiled.snapshot()
    for name, array in wanted.weights.items():
        np.testing.assert_allclose(found.weights[name], array, atol=tolerance, err_msg=name)
    different = np.abs(plain.drain().counts - compiled.drain().counts).sum()
    assert different <= tolerance * sum(batch(spec, seed=i).labels.size for i in range(4))


def test_state_that_does_not_fit_is_listed() -> None:
    session = session_of(small_spec())
    state = session.snapshot()
    slots = {**state.slots, "m/head.weight": np.zeros((1, 2), np.float32), "q/head.bias": np.zeros(4, np.float32)}
    del slots["v/head.bias"]
    with pytest.raises(CheckpointError) as caught:
        session.restore(TrainState(state.weights, slots, 1))
    text = str(caught.value)
    assert "v/head.bias: missing" in text
    assert "m/head.weight: shape (1, 2), expected (4, 8, 3, 3)" in text
    assert "q/head.bias: AdamW has no such slot" in text


def test_a_plan_for_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="3 output weights, but the graph has 2 outputs"):
        session_of(small_spec(), output_weights=(1.0, 0.5, 0.25))


def test_the_loss_scale_halves_at_an_overflow_and_doubles_after_two_thousand_good_updates() -> None:
    scale = LossScale()
    first = float(scale.factor)
    small, finite = scale.unscaled([scale.scaled(tf.constant([2.0**-20, 3.0]))])
    assert bool(finite)
    assert small[0].numpy().tolist() == [2.0**-20, 3.0]
    _, finite = scale.unscaled([tf.constant([1.0]), tf.constant([float("inf")])])
    assert not bool(finite)
    assert (float(scale.factor), int(scale.good)) == (first / 2, 0)
    scale.good.assign(1999)
    scale.unscaled([tf.constant([1.0])])
    assert (float(scale.factor), int(scale.good)) == (first, 0)


def test_an_overflow_skips_the_update() -> None:
    spec = small_spec(outputs=1)

    def loss(ops, logits, truth, valid):
        return ops.sum(logits) * 1e36

    session = session_of(spec, loss=loss, output_weights=(1.0,), optimizer=Sgd())
    session._scale = LossScale()  # only a GPU's float16 asks for one
    train(session, [batch(spec)], 0.1)
    weights = session.snapshot().weights
    assert np.array_equal(weights["head.weight"], lively(spec.graph, 0)["head.weight"])


@pytest.mark.parametrize("device", ["cpu", "gpu:0"])  # how it would be counted there: by other operations
@pytest.mark.parametrize("classes", [2, 3, 21])
def test_confusions_of_tensors_equal_the_domains(classes: int, device: str) -> None:
    generator = np.random.default_rng(classes)
    truth = generator.integers(0, classes, (3, 17, 11), dtype=np.uint8)
    predicted = generator.integers(0, classes, truth.shape, dtype=np.uint8)
    valid = generator.random(truth.shape) < 0.7
    tensors = (tf.constant(predicted, tf.int32), tf.constant(truth, tf.int32), tf.constant(valid))
    found = confusions(*tensors, classes, device=device)
    assert found.dtype == tf.int64
    for i in range(3):
        wanted = Confusion.of(np.where(valid[i], truth[i], IGNORE), predicted[i], classes)
        assert np.array_equal(found[i].numpy(), wanted.counts)


def test_ties_go_to_the_lowest_class() -> None:
    assert predictions(tf.constant([[[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]]])).numpy().tolist() == [[[1, 0]]]
    assert predictions(tf.constant([[[[0.0], [-0.1], [0.1]]]])).numpy().tolist() == [[[0, 0, 1]]]
