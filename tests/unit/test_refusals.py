from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from segport.domain.errors import CheckpointError, InvalidSpecError
from segport.domain.ports.backend import DeviceInfo, Precision, TrainState
from segport.domain.refusals import check_images, check_plan, check_spec, check_state, check_weights, chosen, own
from segport.domain.spec import Normalisation
from segport.domain.training.averaging import Averaging
from segport.domain.training.optimizers import Adam, Sgd
from segport.plugins.conformance.subject import lively, plan, small_spec

SPEC = small_spec()
WEIGHTS = lively(SPEC.graph, 0)
TRAINED = [name for name, weight in SPEC.graph.weights().items() if weight.trainable]
DEVICES = [DeviceInfo("gpu:0", "fast", Precision.BF16, "why"), DeviceInfo("cpu", "slow", Precision.FP32, "why")]


def state(*slots: str, **changes: object) -> TrainState:
    arrays = {f"{slot}/{name}": np.zeros_like(WEIGHTS[name]) for slot in slots for name in TRAINED}
    return evolve(TrainState(WEIGHTS, arrays, 1), **changes)


def test_what_fits_is_let_through() -> None:
    check_spec(SPEC, "torch")
    check_images(SPEC.graph, np.zeros((2, 8, 8, 3), np.uint8))
    check_weights(SPEC.graph, WEIGHTS)
    check_plan(SPEC.graph, plan(SPEC))
    check_state(SPEC.graph, plan(SPEC, optimizer=Sgd()), state("momentum"))
    check_state(SPEC.graph, plan(SPEC, optimizer=Adam(), averaging=Averaging(0.9)), state("m", "v", averages=WEIGHTS))
    assert own(3, int, "example") == 3


def test_what_does_not_fit_a_graph_is_told() -> None:
    with pytest.raises(InvalidSpecError, match="1 means and 1 deviations, but the images have 3 channels"):
        check_spec(evolve(SPEC, normalisation=Normalisation((0.5,), (0.5,))), "torch")
    with pytest.raises(InvalidSpecError, match=r"\(N, H, W, 3\) for this model, not \(8, 8, 3\)"):
        check_images(SPEC.graph, np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(CheckpointError, match="nothing was loaded") as refused:
        check_weights(SPEC.graph, {name: array for name, array in WEIGHTS.items() if name != "head.bias"})
    assert refused.value.problems == ("head.bias: missing, expected shape (4,)",)
    with pytest.raises(InvalidSpecError, match="1 output weights, but the graph has 2 outputs"):
        check_plan(SPEC.graph, evolve(plan(SPEC), output_weights=(1.0,)))


def test_every_reason_against_a_state_is_told_at_once() -> None:
    given = state("momentum")
    slots = {**given.slots, "m/head.bias": WEIGHTS["head.bias"], "momentum/head.bias": np.zeros(5, np.float32)}
    del slots["momentum/head.weight"]
    weights = {**WEIGHTS, "nobody.weight": WEIGHTS["head.bias"]}
    with pytest.raises(CheckpointError, match="nothing was restored") as refused:
        check_state(SPEC.graph, plan(SPEC, optimizer=Sgd()), TrainState(weights, slots, 1, averages=WEIGHTS))
    assert set(refused.value.problems) == {
        "nobody.weight: the graph has no such tensor",
        "momentum/head.weight: missing",
        "m/head.bias: Sgd has no such slot",
        "momentum/head.bias: shape (5,), expected (4,)",
        "averages: there are some, expected none",
    }


def test_a_device_is_chosen_with_its_precision() -> None:
    assert chosen(DEVICES, "auto", Precision.AUTO) == ("gpu:0", Precision.BF16)
    assert chosen(DEVICES, "cpu", Precision.AUTO) == ("cpu", Precision.FP32)
    assert chosen(DEVICES, "cpu", Precision.BF16) == ("cpu", Precision.BF16)
    with pytest.raises(InvalidSpecError, match="no device 'abacus'") as refused:
        chosen(DEVICES, "abacus", Precision.AUTO)
    assert "auto, gpu:0, cpu" in refused.value.fix


def test_a_model_of_another_backend_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="The example backend cannot run a str"):
        own("model", int, "example")
