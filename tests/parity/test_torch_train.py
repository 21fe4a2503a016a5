"""What only the torch session promises: determinism, isolation from torch's global state, device-side counting."""

import shutil

import attrs
import numpy as np
import pytest
import torch

from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.device import deterministic_kernels
from segport.adapters.torch.metric import confusions, predictions
from segport.domain.arrays import IGNORE
from segport.domain.errors import CheckpointError, InvalidSpecError
from segport.domain.losses.combined import CeDice
from segport.domain.metrics.confusion import Confusion
from segport.domain.ports.backend import Precision, StepPlan, TrainState
from segport.domain.spec import ModelSpec
from segport.domain.training.optimizers import AdamW, Sgd
from segport.plugins.conformance.subject import batch, lively, small_spec, train


def session_of(spec: ModelSpec, precision: Precision = Precision.FP32, **changes):
    model = TorchBackend().build(spec, lively(spec.graph, 0), device="cpu", precision=precision)
    plan = attrs.evolve(StepPlan(CeDice(), (1.0, 0.5), AdamW()), **changes)
    return TorchBackend().trainer(model, plan)


def run(spec: ModelSpec, precision: Precision, steps: int = 3, **changes) -> TrainState:
    session = session_of(spec, precision, **changes)
    train(session, [batch(spec, seed=i) for i in range(steps)], 0.01)
    return session.snapshot()


def assert_same_bytes(one: TrainState, other: TrainState) -> None:
    for some, others in ((one.weights, other.weights), (one.slots, other.slots)):
        assert list(some) == list(others)
        for name in some:
            assert some[name].tobytes() == others[name].tobytes(), name


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_the_same_run_gives_the_same_bytes(precision: Precision) -> None:
    spec = small_spec(dropout=0.4)
    assert_same_bytes(run(spec, precision), run(spec, precision))


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_resuming_gives_the_bytes_of_an_uninterrupted_run(precision: Precision, accumulate: int) -> None:
    spec = small_spec(dropout=0.4)
    batches = [batch(spec, seed=i) for i in range(8)]
    whole = session_of(spec, precision, accumulate=accumulate)
    train(whole, batches, 0.01)
    first = session_of(spec, precision, accumulate=accumulate)
    train(first, batches[:4], 0.01)
    second = session_of(spec, precision, accumulate=accumulate)
    second.restore(first.snapshot())
    train(second, batches[4:], 0.01)
    assert_same_bytes(second.snapshot(), whole.snapshot())


def test_dropout_depends_on_the_seed_of_the_plan() -> None:
    spec = small_spec(dropout=0.4)
    one, other = (run(spec, Precision.FP32, steps=1, seed=seed).weights["head.weight"] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_torchs_own_random_state_flags_and_threads_are_left_alone() -> None:
    random, threads = torch.random.get_rng_state(), torch.get_num_threads()
    run(small_spec(dropout=0.4), Precision.FP32)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert torch.is_grad_enabled()


def test_deterministic_kernels_are_asked_for_inside_the_step_only() -> None:
    seen = []

    def loss(ops, logits, truth, valid):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return logits.sum()

    spec = small_spec(outputs=1)
    for wanted in (True, False):
        train(session_of(spec, loss=loss, output_weights=(1.0,), deterministic=wanted), [batch(spec)], 0.0)
    assert seen == [True, False]


def test_flags_a_host_has_set_are_restored() -> None:
    torch.use_deterministic_algorithms(True, warn_only=False)
    try:
        with deterministic_kernels(True):
            assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.use_deterministic_algorithms(False)


def test_losses_are_computed_in_float32_whatever_the_precision() -> None:
    seen = []

    def loss(ops, logits, truth, valid):
        seen.append((logits.dtype, truth.dtype, valid.dtype, tuple(logits.shape)))
        return logits.sum()

    spec = small_spec(outputs=1)
    train(session_of(spec, Precision.BF16, loss=loss, output_weights=(1.0,)), [batch(spec)], 0.0)
    assert seen == [(torch.float32, torch.int64, torch.bool, (3, 24, 32, 4))]


def test_momentum_of_a_restored_session_is_a_copy() -> None:
    spec = small_spec()
    session = session_of(spec, optimizer=Sgd())
    train(session, [batch(spec)], 0.01)
    state = session.snapshot()
    kept = {name: array.copy() for name, array in state.slots.items()}
    session.restore(state)
    train(session, [batch(spec)], 0.01)
    for name, array in state.slots.items():
        assert np.array_equal(array, kept[name])


def test_state_that_does_not_fit_is_listed() -> None:
    spec = small_spec()
    session = session_of(spec)
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("default")
def test_a_compiled_model_takes_the_same_step() -> None:
    spec = small_spec()
    moved = []
    for backend in (TorchBackend(), TorchBackend(compile=True)):
        model = backend.build(spec, lively(spec.graph, 0), device="cpu", precision=Precision.FP32)
        train(backend.trainer(model, StepPlan(CeDice(), (1.0, 0.5), Sgd())), [batch(spec)], 1.0)
        moved.append(model.weights())
    for name, array in moved[0].items():
        np.testing.assert_allclose(moved[1][name], array, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("classes", [2, 3, 21])
def test_confusions_of_tensors_equal_the_domains(classes: int) -> None:
    generator = np.random.default_rng(classes)
    truth = generator.integers(0, classes, (3, 17, 11), dtype=np.uint8)
    predicted = generator.integers(0, classes, truth.shape, dtype=np.uint8)
    valid = generator.random(truth.shape) < 0.7
    tensors = (torch.from_numpy(a) for a in (predicted.astype(np.int64), truth.astype(np.int64), valid))
    found = confusions(*tensors, classes)
    for i in range(3):
        wanted = Confusion.of(np.where(valid[i], truth[i], IGNORE), predicted[i], classes)
        assert np.array_equal(found[i].numpy(), wanted.counts)


def test_ties_go_to_the_lowest_class() -> None:
    assert predictions(torch.tensor([[[[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]]])).tolist() == [[[1, 0]]]
    assert predictions(torch.tensor([[[[0.0], [-0.1], [0.1]]]])).tolist() == [[[0, 0, 1]]]
