"""The moving average of weights comes to the same in torch, TensorFlow and NumPy, travels, and costs no trace."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec

import attrs
import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.tensorflow.runtime import tf
from segport.adapters.tensorflow.scaling import LossScale
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.weights import Weights
from segport.domain.errors import CheckpointError
from segport.domain.ports.backend import Precision, TrainState
from segport.domain.training.averaging import Averaging
from segport.domain.training.optimizers import AdamW, Sgd
from segport.domain.training.tuning import Tuning
from segport.plugins.conformance.subject import batch, lively, plan, small_spec, train

TOLERANCE = 1e-4
SPEC = small_spec()
BATCHES = [batch(SPEC, seed=i) for i in range(4)]
AVERAGING = Averaging(0.4)
BOTH = pytest.mark.parametrize("backend", [TorchBackend(), TensorflowBackend()], ids=lambda backend: backend.name)


def session_of(backend, **changes):
    model = backend.build(SPEC, lively(SPEC.graph, 0), device="cpu", precision=Precision.FP32)
    return backend.trainer(model, plan(SPEC, **{"optimizer": AdamW(), "averaging": AVERAGING, **changes}))


def assert_close(found: Weights, wanted: Weights) -> None:
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        scale = max(1.0, float(np.abs(array).max()))
        assert float(np.abs(found[name] - array).max()) <= TOLERANCE * scale, name


def assert_same_bytes(found: TrainState, wanted: TrainState) -> None:
    for kind in ("weights", "slots", "averages"):
        some, others = getattr(found, kind), getattr(wanted, kind)
        assert list(some) == list(others)
        for name in others:
            assert some[name].tobytes() == others[name].tobytes(), name


def test_both_end_with_the_same_averages_and_go_on_from_each_others() -> None:
    """Under SGD: Adam makes whole steps of the noise that is the gradient of an attention's key biases."""
    backends = (TorchBackend(), TensorflowBackend())
    sessions = [session_of(backend, clip_norm=1.0, optimizer=Sgd()) for backend in backends]
    for session in sessions:
        train(session, BATCHES[:2], 0.05)
    halfway = [session.snapshot() for session in sessions]
    for session in sessions:
        train(session, BATCHES[2:], 0.05)
    whole, other = (session.snapshot() for session in sessions)
    assert_close(other.averages, whole.averages)
    assert float(np.abs(whole.averages["head.weight"] - whole.weights["head.weight"]).max()) > 10 * TOLERANCE
    for session, state in zip(sessions, reversed(halfway), strict=True):
        session.restore(state)
        train(session, BATCHES[2:], 0.05)
        assert_close(session.snapshot().averages, whole.averages)


def test_averaging_changes_nothing_of_the_training() -> None:
    plain, averaged = (session_of(TorchBackend(), averaging=averaging) for averaging in (None, AVERAGING))
    for session in (plain, averaged):
        train(session, BATCHES, 0.01)
    assert_same_bytes(attrs.evolve(averaged.snapshot(), averages={}), plain.snapshot())


@BOTH
def test_averages_that_do_not_fit_are_listed_and_nothing_is_restored(backend) -> None:
    session = session_of(backend)
    state = session.snapshot()
    damaged = {**state.averages, "head.weight": np.zeros((1, 2), np.float32)}
    moved = {name: array + np.float32(1) for name, array in state.weights.items()}
    with pytest.raises(CheckpointError) as caught:
        session.restore(attrs.evolve(state, weights=moved, averages=damaged))
    assert "average of head.weight" in str(caught.value)
    assert_same_bytes(session.snapshot(), state)


@BOTH
def test_a_frozen_part_is_its_own_average_to_the_last_bit(backend) -> None:
    session = session_of(backend, tuning=Tuning("stem."))
    session.freeze(True)
    train(session, BATCHES[:2], 0.01)
    first = lively(SPEC.graph, 0)
    for name, average in session.snapshot().averages.items():
        assert np.array_equal(average, first[name]) == name.startswith("stem."), name


def test_tensorflow_traces_step_and_evaluation_once_with_averages_too() -> None:
    session = session_of(TensorflowBackend(), accumulate=2)
    evaluator = TensorflowBackend().evaluator(session.result)
    for rate in (0.01, 0.02):
        train(session, BATCHES[:2], rate)
        for fed in evaluator.feed(BATCHES[:1]):
            evaluator.tally(fed)
        session.restore(session.snapshot())
    assert session.compiled_step.experimental_get_tracing_count() == 1
    assert evaluator.counted.experimental_get_tracing_count() == 1


def test_an_update_that_an_overflow_skipped_moves_the_averages_on() -> None:
    """Towards weights that stay: it counts as an update of float16 does everywhere else."""

    def loss(ops, logits, truth, valid):
        return ops.sum(logits) * factor

    spec, factor = small_spec(outputs=1), tf.Variable(1.0)
    model = TensorflowBackend().build(spec, lively(spec.graph, 0), device="cpu", precision=Precision.FP32)
    chosen = plan(spec, loss=loss, output_weights=(1.0,), optimizer=Sgd(), averaging=AVERAGING)
    session = TensorflowBackend().trainer(model, chosen)
    session._scale = LossScale()  # only a GPU's float16 asks for one
    train(session, [batch(spec)], 0.001)
    before = session.snapshot()
    factor.assign(1e36)
    train(session, [batch(spec)], 0.001)
    after = session.snapshot()
    assert np.array_equal(after.weights["head.weight"], before.weights["head.weight"])
    wanted = AVERAGING.update(before.averages["head.weight"], after.weights["head.weight"], 2)
    np.testing.assert_allclose(after.averages["head.weight"], wanted, rtol=1e-6)
    assert not np.array_equal(wanted, before.averages["head.weight"])


@pytest.mark.parametrize("decay", [0.2, 0.9])
def test_the_formula_is_tensorflows_own_with_a_number_of_updates(decay: float) -> None:
    track = np.random.default_rng(1).normal(size=(8, 5)).astype(np.float32)
    weight, updates = tf.Variable(track[0]), tf.Variable(0)
    theirs, ours = tf.train.ExponentialMovingAverage(decay, num_updates=updates), track[0]
    theirs.apply([weight])
    for step, row in enumerate(track[1:], start=1):
        weight.assign(row)
        updates.assign(step)
        theirs.apply([weight])
        ours = Averaging(decay).update(ours, row, step)
    np.testing.assert_allclose(ours, theirs.average(weight).numpy(), atol=1e-6)
