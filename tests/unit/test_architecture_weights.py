"""First weights, fingerprints, and telling what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operations import Conv
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import fingerprint, initialise, mismatch


def unet(**options: bool) -> Graph:
    return UNet(**options).graph(channels=3, outputs=2, encoder=Plain(8, 3))


def test_first_weights_fit_their_graph() -> None:
    weights = initialise(unet(), 0)
    assert mismatch(unet(), weights) == []
    assert list(weights) == list(unet().weights())
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_the_seed_decides_alone() -> None:
    assert fingerprint(initialise(unet(), 7)) == fingerprint(initialise(unet(), 7))
    assert fingerprint(initialise(unet(), 7)) != fingerprint(initialise(unet(), 8))


def test_first_weights_never_change_between_versions() -> None:
    # Results in the documentation were measured from these weights; a new value here is a breaking change.
    weights = initialise(unet(), 0)
    assert weights["head.weight"].ravel()[:3] == pytest.approx([0.14786, 0.125891, -0.072266], abs=2e-6)
    assert weights["encoder.stage0.0.conv.weight"].ravel()[:3] == pytest.approx([0.059267, 0.088729, 0.17163], abs=2e-6)


def test_further_nodes_leave_the_other_tensors_alone() -> None:
    before, after = initialise(unet(), 3), initialise(unet(deep_supervision=True), 3)
    assert after.keys() > before.keys()
    assert all(np.array_equal(after[name], array) for name, array in before.items())


def test_kernels_are_he_normal_by_fan_out_the_head_xavier_uniform_and_linear_layers_narrow() -> None:
    builder = GraphBuilder(32)
    builder.add(Conv(64, 5, padding=2), IMAGE, name="he")
    builder.add(Conv(64, 5, padding=2, init="xavier", bias=True), IMAGE, name="xavier")
    builder.add(Conv(64, 5, padding=2, init="narrow"), IMAGE, name="narrow")
    builder.add(Conv(64, 5, padding=2, groups=32, init="depthwise"), IMAGE, name="depthwise")
    weights = initialise(builder.build(["he", "xavier", "narrow", "depthwise"]), 0)
    assert weights["he.weight"].std() == pytest.approx((2 / (64 * 25)) ** 0.5, rel=0.02)
    assert weights["he.weight"].mean() == pytest.approx(0, abs=5e-4)
    limit = (6 / ((32 + 64) * 25)) ** 0.5
    assert np.abs(weights["xavier.weight"]).max() == pytest.approx(limit, rel=0.001)
    assert weights["xavier.weight"].std() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not weights["xavier.bias"].any()
    assert weights["depthwise.weight"].std() == pytest.approx((2 / 25) ** 0.5, rel=0.05)
    assert weights["narrow.weight"].std() == pytest.approx(0.02, rel=0.02)


def test_norms_start_as_the_identity_and_zero_gamma_ones_at_zero() -> None:
    graph = UNet().graph(channels=3, outputs=2, encoder=ResNet18(zero_gamma=True))
    weights = initialise(graph, 0)
    assert (weights["encoder.layer1.0.bn1.weight"] == 1).all()
    assert (weights["encoder.layer1.0.bn2.weight"] == 0).all()
    assert (weights["encoder.layer1.0.bn2.bias"] == 0).all()
    assert (weights["encoder.layer1.0.bn2.running_mean"] == 0).all()
    assert (weights["encoder.layer1.0.bn2.running_var"] == 1).all()


def test_a_fingerprint_knows_names_shapes_and_every_bit_but_not_order() -> None:
    one = {"a": np.arange(6, dtype=np.float32), "b": np.zeros(2, np.float32)}
    same = {"b": one["b"], "a": one["a"]}
    assert fingerprint(one) == fingerprint(same)
    others = [
        {"a": one["a"], "c": one["b"]},
        {"a": one["a"].reshape(2, 3), "b": one["b"]},
        {"a": np.nextafter(one["a"], np.float32(9)), "b": one["b"]},
        {"a": one["a"], "b": -one["b"]},
        {"a": one["a"]},
    ]
    assert len({fingerprint(weights) for weights in [one, *others]}) == 6


def test_a_fingerprint_does_not_depend_on_the_memory_order() -> None:
    array = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert fingerprint({"a": array}) == fingerprint({"a": np.asfortranarray(array)})


def test_everything_that_does_not_fit_is_told() -> None:
    weights = initialise(unet(), 0)
    del weights["head.bias"]
    weights["extra"] = np.zeros(1, np.float32)
    weights["head.weight"] = weights["head.weight"][:1]
    weights["decoder.0.0.norm.bias"] = weights["decoder.0.0.norm.bias"].astype(np.float64)  # type: ignore[assignment]
    assert sorted(mismatch(unet(), weights)) == [
        "decoder.0.0.norm.bias: float64, expected float32",
        "extra: the graph has no such tensor",
        "head.bias: missing, expected shape (2,)",
        "head.weight: shape (1, 16, 3, 3), expected (2, 16, 3, 3)",
    ]
