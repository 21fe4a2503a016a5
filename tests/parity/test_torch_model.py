"""The torch model against the NumPy one, operation by operation and whole."""

import numpy as np
import pytest
import torch

from segport.adapters.reference.model import NumpyModel
from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.model import TorchModel
from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet50
from segport.domain.architecture.graph import IMAGE, Graph, Node
from segport.domain.architecture.operation import Operation
from segport.domain.architecture.operations import (
    FUNCTIONS,
    Activation,
    Concat,
    Conv,
    Input,
    MaxPool,
    Norm,
    Resize,
)
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Precision
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.plugins.conformance.subject import lively

CLASSES = ClassMap.of(["a", "b", "c"])
TOLERANCE = 2e-5
DEEP_TOLERANCE = 1e-4
"""Of fifty layers, in training normalised at the deepest by the spread of a dozen values."""


def spec_of(graph: Graph) -> ModelSpec:
    channels = graph.channels
    normalisation = Normalisation((0.4,) * channels, (0.25,) * channels)
    return ModelSpec(graph, CLASSES, Task.MULTICLASS, normalisation, Fit.NATIVE, (64, 64))


def one(operation: Operation, channels: int = 3) -> ModelSpec:
    nodes = [
        Node(IMAGE, Input(channels)),
        Node("only", operation, (IMAGE,)),
        Node("full", Resize("nearest"), ("only", IMAGE)),
    ]
    return spec_of(Graph(nodes, ("full",), stride=8))


def pixels(height: int, width: int, channels: int = 3, count: int = 2) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def build(spec: ModelSpec, **options) -> TorchModel:
    return TorchBackend().build(spec, lively(spec.graph, 1), device="cpu", **{"precision": Precision.FP32, **options})


def assert_same(spec: ModelSpec, images: np.ndarray, *, training: bool = False, tolerance=TOLERANCE) -> None:
    found = build(spec).logits(images, training=training)
    wanted = NumpyModel(spec, lively(spec.graph, 1), np.float64).logits(images, training=training)
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted, strict=True):
        assert f.shape == w.shape
        np.testing.assert_allclose(f, w, rtol=0, atol=tolerance * max(1.0, float(np.abs(w).max())))


@pytest.mark.parametrize(
    "operation",
    [
        Conv(4, kernel=1),
        Conv(4, kernel=3, padding=1, bias=True),
        Conv(4, kernel=3, stride=2, padding=1),
        Conv(4, kernel=7, stride=2, padding=3),
        Conv(4, kernel=3, padding=2, dilation=2),
        Conv(6, kernel=3, padding=1, groups=3),
        MaxPool(2, 2),
        MaxPool(3, 2, 1),
        Norm(),
        Norm(epsilon=1e-3),
        *map(Activation, FUNCTIONS),
    ],
    ids=repr,
)
@pytest.mark.parametrize("size", [(16, 12), (15, 9)])
def test_one_operation(operation: Operation, size: tuple[int, int]) -> None:
    assert_same(one(operation), pixels(*size))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(16, 12), (13, 9), (8, 7)])
def test_resizing_up_and_down(mode: str, size: tuple[int, int]) -> None:
    nodes = [
        Node(IMAGE, Input(3)),
        Node("small", Conv(2, kernel=3, stride=3, padding=1), (IMAGE,)),
        Node("down", Resize(mode), (IMAGE, "small")),
        Node("both", Concat(), ("small", "down")),
        Node("up", Resize(mode), ("both", IMAGE)),
    ]
    assert_same(spec_of(Graph(nodes, ("up",), stride=3)), pixels(*size))


@pytest.mark.parametrize("encoder", [Plain(width=4, depth=3), ResNet18(), ResNet50()], ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_unet(encoder, training: bool) -> None:
    graph = UNet(deep_supervision=True).graph(channels=3, outputs=3, encoder=encoder)
    assert_same(spec_of(graph), pixels(64, 96), training=training, tolerance=DEEP_TOLERANCE)


def test_an_activation_overwrites_no_value_that_is_used_again() -> None:
    draw = GraphBuilder(3)
    first = draw.conv_norm(IMAGE, 3, conv="conv", norm="norm")
    shown = draw.add(Activation("relu"), first, name="relu")
    both = draw.add(Concat(), first, shown, name="both")
    kept = draw.add(Activation("relu"), both, name="kept")
    assert_same(spec_of(draw.build([kept, both])), pixels(8, 8), training=True)


def test_the_native_module_holds_the_canonical_names_and_reads_as_code() -> None:
    spec = spec_of(UNet().graph(channels=3, outputs=3, encoder=ResNet18()))
    native = build(spec).native
    assert list(native.state_dict()) == sorted(spec.graph.weights(), key=list(native.state_dict()).index)
    assert set(native.state_dict()) == set(spec.graph.weights())
    assert isinstance(native, torch.nn.Module)
    assert "self.encoder.layer1" in native.code
    assert "torch.cat" in native.code
    native.load_state_dict(native.state_dict())


def test_weights_are_float32_and_the_copy_is_contiguous() -> None:
    for array in build(one(Conv(4, kernel=3))).weights().values():
        assert array.dtype == np.float32
        assert array.flags.c_contiguous


def test_the_device_holds_channels_last_kernels_and_takes_images_without_a_copy() -> None:
    model = build(one(Conv(4, kernel=3, padding=1)))
    assert model.native.only.weight.is_contiguous(memory_format=torch.channels_last)
    images = torch.from_numpy(pixels(8, 8))
    assert model.native.normalise(images).is_contiguous(memory_format=torch.channels_last)


def test_images_of_other_channels_are_refused() -> None:
    with pytest.raises(InvalidSpecError, match=r"\(N, H, W, 3\).*\(2, 8, 8, 1\)"):
        build(one(Conv(4))).logits(pixels(8, 8, channels=1))


def test_normalisation_must_have_a_value_for_each_channel() -> None:
    spec = ModelSpec(one(Conv(4)).graph, CLASSES, Task.MULTICLASS, Normalisation((0.5,), (0.5,)), Fit.NATIVE, (8, 8))
    with pytest.raises(InvalidSpecError, match=r"1 means and 1 deviations.*3 channels"):
        build(spec)


def test_an_unknown_operation_is_named() -> None:
    class Swirl(Operation):
        kind = "swirl"

    with pytest.raises(InvalidSpecError, match=r"'only'.*Swirl"):
        build(one(Swirl()))


def test_a_model_of_another_backend_is_refused() -> None:
    spec = one(Conv(3))
    with pytest.raises(InvalidSpecError, match="cannot run a NumpyModel"):
        TorchBackend().evaluator(NumpyModel(spec, lively(spec.graph, 0)))


def test_bf16_masks_agree_with_float32_nearly_everywhere() -> None:
    spec = spec_of(UNet().graph(channels=3, outputs=3, encoder=ResNet18()))
    images = pixels(64, 64)
    exact, fast = (build(spec, precision=p).logits(images)[0] for p in (Precision.FP32, Precision.BF16))
    assert (exact.argmax(-1) == fast.argmax(-1)).mean() > 0.95
    assert not np.array_equal(exact, fast)
