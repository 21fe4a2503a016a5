"""The NumPy model: its port, and graphs small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segport.adapters.reference.model import NumpyModel, normalised, run
from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operation import Operation
from segport.domain.architecture.operations import (
    Activation,
    Add,
    Average,
    Concat,
    Conv,
    Dropout,
    GlobalPool,
    GridPool,
    MaxPool,
    Multiply,
    Norm,
    Resize,
)
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import Weights, fingerprint, initialise
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError, InvalidSpecError
from segport.domain.ports.model import Model
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation


def spec_of(graph: Graph) -> ModelSpec:
    channels = graph.channels
    normalisation = Normalisation((0.5,) * channels, (0.25,) * channels)
    return ModelSpec(graph, ClassMap.of(["a", "b"]), Task.MULTICLASS, normalisation, Fit.NATIVE, (8, 8))


def unet_model(dtype: type[np.float32] | type[np.float64] = np.float32, **options: bool) -> NumpyModel:
    graph = UNet(**options).graph(channels=3, outputs=2, encoder=Plain(4, 3))
    return NumpyModel(spec_of(graph), initialise(graph, 0), dtype)


def photographs(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def value_of(operation: Operation, image: list[list[float]], weights: Weights, training: bool = False) -> list[object]:
    """The values of one operation on a one-channel image, as a nested list (C, H, W)."""
    builder = GraphBuilder(1)
    graph = builder.build([builder.add(operation, IMAGE, name="x")])
    array = np.asarray(image, np.float64)[None, None]
    result: list[object] = run(graph, weights, array, training)["x"][0].tolist()
    return result


def f32(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_means_over_a_grid_and_of_several_inputs_by_hand() -> None:
    builder = GraphBuilder(1)
    grid = builder.add(Resize("nearest"), builder.add(GridPool(2), IMAGE, name="grid"), IMAGE, name="up")
    graph = builder.build([builder.add(Average(), grid, IMAGE, IMAGE, name="mean")])
    image = np.array([[0, 3, 6], [3, 9, 0]], np.float64)
    values = run(graph, {}, image[None, None])
    # Two cells of three pixels share the middle one.
    assert values["grid"].tolist() == [[[[1.5, 4.5], [6, 4.5]]]]
    assert values["mean"].tolist() == [[[[0.5, 3.5, 5.5], [4, 7.5, 1.5]]]]


def test_it_is_a_model() -> None:
    model: Model = unet_model()
    assert (model.device, model.precision) == ("cpu", "fp32")
    assert model.native == model.spec.graph


def test_a_convolution_by_hand() -> None:
    kernel = f32(0, 0, 0, 1, 10, 100, 0, 0, 0).reshape(1, 1, 3, 3)
    operation = Conv(1, 3, padding=1, bias=True)
    weights = {"x.weight": kernel, "x.bias": f32(5)}
    # Not flipped: 100 weighs the pixel on the right.
    assert value_of(operation, [[1, 2, 3]], weights) == [[[10 + 200 + 5, 1 + 20 + 300 + 5, 2 + 30 + 5]]]


def test_a_norm_by_hand_in_both_modes() -> None:
    weights = {"x.weight": f32(2), "x.bias": f32(1), "x.running_mean": f32(3), "x.running_var": f32(4)}
    operation = Norm(epsilon=1e-12)
    image = [[1.0, 3.0], [5.0, 7.0]]
    np.testing.assert_allclose(value_of(operation, image, weights), [[[-1, 1], [3, 5]]], rtol=1e-9)
    deviation = 5**0.5  # of 1, 3, 5, 7, biased
    expected = [[[1 - 6 / deviation, 1 - 2 / deviation], [1 + 2 / deviation, 1 + 6 / deviation]]]
    np.testing.assert_allclose(value_of(operation, image, weights, training=True), expected, rtol=1e-9)


def test_resizing_and_gating_by_hand() -> None:
    builder = GraphBuilder(1)
    pooled = builder.add(MaxPool(), IMAGE, name="pooled")
    smooth = builder.add(Resize("bilinear"), pooled, IMAGE, name="smooth")
    blocks = builder.add(Resize("nearest"), pooled, IMAGE, name="blocks")
    mean = builder.add(GlobalPool(), IMAGE, name="mean")
    gated = builder.add(Multiply(), smooth, mean, name="gated")
    total = builder.add(Add(), gated, smooth, IMAGE, name="total")
    graph = builder.build([builder.add(Concat(), total, IMAGE, blocks, name="joined")])
    image = np.array([[0, 4, 1, 8], [2, 0, 0, 0]], np.float64)
    values = run(graph, {}, image[None, None])
    assert values["pooled"].tolist() == [[[[4, 8]]]]
    assert values["smooth"].tolist() == [[[[4, 5, 7, 8]] * 2]]
    assert values["blocks"].tolist() == [[[[4, 4, 8, 8]] * 2]]
    assert values["mean"].tolist() == [[[[15 / 8]]]]
    np.testing.assert_allclose(values["total"][0, 0], np.array([[4, 5, 7, 8]] * 2) * (15 / 8 + 1) + image)
    np.testing.assert_array_equal(values["joined"][0, 1], image)


@pytest.mark.parametrize("training", [False, True])
def test_dropout_is_the_identity(training: bool) -> None:
    assert value_of(Dropout(0.9), [[1, 2, 3]], {}, training) == [[[1, 2, 3]]]


def test_activations_work_on_each_value() -> None:
    assert value_of(Activation("relu6"), [[-1, 2, 7]], {}) == [[[0, 2, 6]]]


def test_pixels_are_normalised_per_channel() -> None:
    images = np.array([[[[0, 255]]]], np.uint8)
    result = normalised(images, Normalisation((0.5, 0.25), (0.25, 0.5)), np.float64)
    assert result.shape == (1, 2, 1, 1)
    assert result.ravel().tolist() == [-2.0, 1.5]


@pytest.mark.parametrize("deep", [False, True])
def test_logits_are_channels_last_float32_for_every_output(deep: bool) -> None:
    model = unet_model(deep_supervision=deep)
    outputs = model.logits(photographs(2, 8, 12, 3))
    assert [output.shape for output in outputs] == [(2, 8, 12, 2)] * len(model.spec.graph.outputs)
    assert {output.dtype for output in outputs} == {np.dtype(np.float32)}


def test_float32_and_float64_agree() -> None:
    images = photographs(2, 16, 16, 3)
    for training in (False, True):
        single = unet_model().logits(images, training=training)[0]
        double = unet_model(np.float64).logits(images, training=training)[0]
        np.testing.assert_allclose(single, double, atol=2e-5)
        assert not np.array_equal(single, double)


def test_in_inference_an_image_does_not_depend_on_its_batch() -> None:
    model, images = unet_model(np.float64), photographs(3, 8, 8, 3)
    together = model.logits(images)[0]
    np.testing.assert_allclose(model.logits(images[1:2])[0], together[1:2], atol=1e-6)


def test_in_training_it_does_and_running_statistics_stay() -> None:
    model, images = unet_model(), photographs(3, 8, 8, 3)
    before = fingerprint(model.weights())
    together = model.logits(images, training=True)[0]
    alone = model.logits(images[1:2], training=True)[0]
    assert np.abs(alone - together[1:2]).max() > 1e-3
    assert fingerprint(model.weights()) == before


def test_weights_are_copies_on_the_way_in_and_out() -> None:
    model, images = unet_model(), photographs(1, 8, 8, 3)
    given = {name: array.copy() for name, array in model.weights().items()}
    model.load(given)
    expected = model.logits(images)[0]
    for array in (*given.values(), *model.weights().values()):
        array += 1
    np.testing.assert_array_equal(model.logits(images)[0], expected)


def test_weights_that_do_not_fit_change_nothing() -> None:
    model = unet_model()
    before = fingerprint(model.weights())
    bad = {name: array + 1 for name, array in model.weights().items()}
    del bad["head.bias"]
    bad["head.weight"] = bad["head.weight"][:1]
    with pytest.raises(CheckpointError) as caught:
        model.load(bad)
    assert "head.bias: missing" in str(caught.value)
    assert "head.weight: shape" in str(caught.value)
    assert fingerprint(model.weights()) == before


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 8, 8, 1)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidSpecError, match=r"\(N, H, W, 3\)"):
        unet_model().logits(photographs(*shape))


def test_a_size_that_the_graph_cannot_take_names_the_node() -> None:
    with pytest.raises(InvalidSpecError, match=r"encoder\.stage2\.pool"):
        unet_model().logits(photographs(1, 2, 8, 3))
