"""Encoders other than ResNets: sizes, costs and names are those that torchvision publishes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import frozen

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operations import Activation, Conv, GlobalPool, LayerNorm, MaxPool
from segport.domain.architecture.summary import multiply_adds, parameter_count
from segport.domain.architecture.zoo import ENCODERS


@frozen
class Published:
    """What torchvision documents: all parameters, the classifier's, giga multiply-adds at 224 x 224; and channels."""

    parameters: int
    classifier: int
    giga: float
    channels: Sequence[int]


def linear(channels: int, outputs: int = 1000) -> int:
    return channels * outputs + outputs


VGG_CLASSIFIER = linear(512 * 7 * 7, 4096) + linear(4096, 4096) + linear(4096)
VGG_GIGA = VGG_CLASSIFIER / 1e9
"""Its classifier alone costs so much that it is not negligible: one multiplication a weight."""

PUBLISHED = {
    "resnet50": Published(25_557_032, linear(2048), 4.09, (64, 256, 512, 1024, 2048)),
    "resnet101": Published(44_549_160, linear(2048), 7.80, (64, 256, 512, 1024, 2048)),
    "resnet152": Published(60_192_808, linear(2048), 11.51, (64, 256, 512, 1024, 2048)),
    "vgg11": Published(132_868_840, VGG_CLASSIFIER, 7.61 - VGG_GIGA, (64, 128, 256, 512, 512)),
    "vgg13": Published(133_053_736, VGG_CLASSIFIER, 11.31 - VGG_GIGA, (64, 128, 256, 512, 512)),
    "vgg16": Published(138_365_992, VGG_CLASSIFIER, 15.47 - VGG_GIGA, (64, 128, 256, 512, 512)),
    "mobilenet-v2": Published(3_504_872, linear(1280), 0.30, (16, 24, 32, 96, 1280)),
    "efficientnet-b0": Published(5_288_548, linear(1280), 0.39, (16, 24, 40, 112, 1280)),
    "efficientnet-b1": Published(7_794_184, linear(1280), 0.69, (16, 24, 40, 112, 1280)),
    "efficientnet-b2": Published(9_109_994, linear(1408), 1.09, (16, 24, 48, 120, 1408)),
    "efficientnet-b3": Published(12_233_232, linear(1536), 1.83, (24, 32, 48, 136, 1536)),
    "convnext-tiny": Published(28_589_128, linear(768) + 2 * 768, 4.46, (96, 192, 384, 768)),
}
SIDES = {"efficientnet-b1": 240, "efficientnet-b2": 288, "efficientnet-b3": 300}
"""Where the cost is published for another size than 224."""
NO_CLASSIFIER_LIKE_OURS = {"vgg11", "vgg13", "vgg16"}


def drawn(name: str, head: int = 0, **options: int) -> tuple[GraphBuilder, list[str], Graph]:
    """The encoder, pooled; and with ``head`` outputs as the published classifier has."""
    builder = GraphBuilder(3)
    features = list(ENCODERS[name].load(**options).build(builder, IMAGE))
    node = builder.add(GlobalPool(), features[-1], name="pool")
    if head and name == "convnext-tiny":
        node = builder.add(LayerNorm(1e-6), node, name="norm")
    if head:
        node = builder.add(Conv(head, 1, bias=True), node, name="classifier")
    return builder, features, builder.build([node])


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_has_the_published_number_of_parameters(name: str) -> None:
    published = PUBLISHED[name]
    assert parameter_count(drawn(name)[2]) == published.parameters - published.classifier
    if name not in NO_CLASSIFIER_LIKE_OURS:
        assert parameter_count(drawn(name, 1000)[2]) == published.parameters


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_costs_what_is_published(name: str) -> None:
    side, head = SIDES.get(name, 224), 0 if name in NO_CLASSIFIER_LIKE_OURS else 1000
    assert multiply_adds(drawn(name, head)[2], side, side) / 1e9 == pytest.approx(PUBLISHED[name].giga, abs=0.006)


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_features_halve_from_one_to_the_next(name: str) -> None:
    builder, features, _ = drawn(name)
    first = 1 if name.startswith("vgg") else 4 if name == "convnext-tiny" else 2
    assert [builder.scale(f) for f in features] == [first * 2**i for i in range(len(features))]
    assert [builder.channels(f) for f in features] == list(PUBLISHED[name].channels)


# Keys of torchvision's state_dicts, with shapes, where the structure could be drawn wrong without a count telling.
NAMES = {
    "vgg11": {
        "features.0.bias": (64,),
        "features.1.running_var": (64,),
        "features.4.weight": (128, 64, 3, 3),
        "features.25.weight": (512, 512, 3, 3),
        "features.26.running_mean": (512,),
    },
    "vgg16": {
        "features.40.weight": (512, 512, 3, 3),
        "features.41.weight": (512,),
        "features.7.weight": (128, 64, 3, 3),
    },
    "mobilenet-v2": {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.1.conv.1.weight": (16, 32, 1, 1),
        "features.1.conv.2.running_var": (16,),
        "features.17.conv.1.0.weight": (960, 1, 3, 3),
        "features.17.conv.3.bias": (320,),
        "features.18.0.weight": (1280, 320, 1, 1),
    },
    "efficientnet-b0": {
        "features.1.0.block.0.0.weight": (32, 1, 3, 3),
        "features.1.0.block.1.fc1.weight": (8, 32, 1, 1),
        "features.1.0.block.2.1.running_mean": (16,),
        "features.6.3.block.1.0.weight": (1152, 1, 5, 5),
        "features.6.3.block.2.fc2.bias": (1152,),
        "features.7.0.block.3.0.weight": (320, 1152, 1, 1),
        "features.8.1.weight": (1280,),
    },
    "efficientnet-b3": {
        "features.1.1.block.0.0.weight": (24, 1, 3, 3),
        "features.6.5.block.3.0.weight": (232, 1392, 1, 1),
        "features.7.1.block.2.fc1.weight": (96, 2304, 1, 1),
    },
    "convnext-tiny": {
        "features.0.0.weight": (96, 3, 4, 4),
        "features.0.1.bias": (96,),
        "features.1.2.block.0.weight": (96, 1, 7, 7),
        "features.5.8.block.2.weight": (384,),
        "features.5.8.block.3.weight": (1536, 384, 1, 1),
        "features.5.8.layer_scale.weight": (384,),
        "features.6.0.weight": (384,),
        "features.6.1.weight": (768, 384, 2, 2),
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_it_has_torchvisions_parameter_names(name: str) -> None:
    weights = drawn(name)[2].weights()
    assert {key: weights[f"encoder.{key}"].shape for key in NAMES[name]} == NAMES[name]
    assert all(key.startswith("encoder.features.") for key in weights)


def test_vgg_pools_before_each_stage_but_the_first() -> None:
    nodes = drawn("vgg16")[2].nodes
    assert [n.name for n in nodes if isinstance(n.operation, MaxPool)] == [
        f"encoder.features.{i}" for i in (6, 13, 23, 33)
    ]


@pytest.mark.parametrize(
    ("name", "function"), [("mobilenet-v2", "relu6"), ("efficientnet-b0", "silu"), ("convnext-tiny", "gelu")]
)
def test_its_activation_is_the_papers(name: str, function: str) -> None:
    found = {n.operation.function for n in drawn(name)[2].nodes if isinstance(n.operation, Activation)}
    assert found - {"sigmoid"} == {function}


@pytest.mark.parametrize("name", ["mobilenet-v2", "efficientnet-b0"])
@pytest.mark.parametrize(("stride", "scales"), [(32, [2, 4, 8, 16, 32]), (16, [2, 4, 8, 16, 16]), (8, [2, 4, 8, 8, 8])])
def test_below_its_stride_it_is_dilated_in_place_of_strided(name: str, stride: int, scales: list[int]) -> None:
    builder, features, graph = drawn(name, output_stride=stride)
    assert [builder.scale(f) for f in features] == scales
    assert graph.weights() == drawn(name)[2].weights()
    convolutions = [n.operation for n in graph.nodes if isinstance(n.operation, Conv)]
    assert max(c.dilation for c in convolutions) == 32 // stride
    strided = [c for c in convolutions if c.stride == 2]
    assert len(strided) == len({*scales})


def test_the_first_dilated_block_keeps_the_dilation_before_it() -> None:
    nodes = drawn("mobilenet-v2", output_stride=8)[2].nodes
    found = {n.name.split(".")[2]: n.operation.dilation for n in nodes if n.name.endswith(".conv.1.0")}
    assert {found[str(i)] for i in range(2, 8)} == {1}  # block 7 is the first of the stage that would halve
    assert {found[str(i)] for i in range(8, 15)} == {2}
    assert {found[str(i)] for i in range(15, 18)} == {4}
