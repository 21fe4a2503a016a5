"""A frozen part, a rate of its own and fixed norms come to the same in torch and TensorFlow, and travel."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec

import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.torch.backend import TorchBackend
from segport.domain.ports.backend import Precision, TrainState
from segport.domain.training.optimizers import AdamW, Sgd
from segport.domain.training.tuning import Tuning
from segport.plugins.conformance.subject import batch, lively, plan, small_spec, train

TOLERANCE = 1e-4
SPEC = small_spec()
BATCHES = [batch(SPEC, seed=i) for i in range(4)]
TUNING = Tuning("stem.", rate=0.3, fixed_norms=True)


def session_of(backend):
    model = backend.build(SPEC, lively(SPEC.graph, 0), device="cpu", precision=Precision.FP32)
    return backend.trainer(model, plan(SPEC, optimizer=AdamW(), tuning=TUNING, clip_norm=1.0))


def frozen_then_thawed(backend, *, after: TrainState | None = None):
    """Two frozen updates and two others; only the latter from a state."""
    session = session_of(backend)
    if after is None:
        session.freeze(True)
        train(session, BATCHES[:2], 0.01)
        session.freeze(False)
    else:
        session.restore(after)
    middle = session.snapshot()
    train(session, BATCHES[2:], 0.01)
    return middle, session


def assert_same(found: TrainState, wanted: TrainState) -> None:
    assert (found.step, found.frozen) == (wanted.step, wanted.frozen)
    for some, others in ((found.weights, wanted.weights), (found.slots, wanted.slots)):
        assert set(some) == set(others)
        for name, array in others.items():
            scale = max(1.0, float(np.abs(array).max()))
            assert float(np.abs(some[name] - array).max()) <= TOLERANCE * scale, name


def test_both_end_with_the_same_state_and_go_on_from_each_others() -> None:
    middle, first = frozen_then_thawed(TorchBackend())
    other_middle, second = frozen_then_thawed(TensorflowBackend())
    assert middle.frozen == 2
    assert_same(other_middle, middle)
    assert_same(second.snapshot(), first.snapshot())
    _, resumed = frozen_then_thawed(TorchBackend(), after=other_middle)
    assert_same(resumed.snapshot(), first.snapshot())


def test_freezing_and_thawing_is_traced_once_each() -> None:
    session = session_of(TensorflowBackend())
    for frozen in (True, False, True, False):
        session.freeze(frozen)
        train(session, BATCHES[:1], 0.01 if frozen else 0.02)
    assert session.compiled_step.experimental_get_tracing_count() == 1
    assert session.frozen_step.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_the_loss_does_not_reach_stays_as_it_is(accumulate: int) -> None:
    """An output of weight 0 has no gradient, which is not one of zeros: its weights do not decay."""
    changes = {"optimizer": Sgd(weight_decay=0.1), "output_weights": (1.0, 0.0), "accumulate": accumulate}
    ends = []
    for backend in (TorchBackend(), TensorflowBackend()):
        model = backend.build(SPEC, lively(SPEC.graph, 0), device="cpu", precision=Precision.FP32)
        session = backend.trainer(model, plan(SPEC, **changes))
        train(session, BATCHES, 0.01)
        ends.append(session.snapshot())
    assert_same(ends[1], ends[0])
    before, after = lively(SPEC.graph, 0), ends[0].weights
    still = [name for name, array in before.items() if np.array_equal(after[name], array)]
    assert still and not any(name.startswith("stem.") for name in still)
