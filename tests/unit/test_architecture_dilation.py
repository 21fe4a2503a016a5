"""ResNets of a smaller output stride: dilated in place of strided, with the same weights."""

from __future__ import annotations

import pytest

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.deeplabv3 import DeepLabV3
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet, ResNet18, ResNet50
from segport.domain.architecture.features import with_output_stride
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operations import Conv, Resize
from segport.domain.architecture.pspnet import PSPNet
from segport.domain.architecture.unet import UNet
from segport.domain.errors import InvalidSpecError


def drawn(encoder: ResNet) -> tuple[list[int | None], Graph]:
    builder = GraphBuilder(3)
    features = encoder.build(builder, IMAGE)
    return list(map(builder.scale, features)), builder.build([builder.add(Resize(), features[-1], IMAGE, name="up")])


def dilations(graph: Graph, layer: str, convolution: str) -> list[int]:
    nodes = [n for n in graph.nodes if n.name.startswith(f"encoder.{layer}.") and n.name.endswith(convolution)]
    return [n.operation.dilation for n in nodes if isinstance(n.operation, Conv)]


@pytest.mark.parametrize(
    ("stride", "scales"),
    [(None, [2, 4, 8, 16, 32]), (32, [2, 4, 8, 16, 32]), (16, [2, 4, 8, 16, 16]), (8, [2, 4, 8, 8, 8])],
)
@pytest.mark.parametrize("encoder", [ResNet18, ResNet50])
def test_features_are_no_coarser_than_the_output_stride(
    encoder: type[ResNet], stride: int | None, scales: list[int]
) -> None:
    found, graph = drawn(encoder(output_stride=stride))
    assert found == scales
    assert graph.stride == scales[-1]
    assert graph.weights() == drawn(encoder())[1].weights()


def test_dilation_doubles_after_the_first_block_of_each_layer_that_lost_its_stride() -> None:
    # As torchvision's resnet50(replace_stride_with_dilation=[False, True, True]).
    graph = drawn(ResNet50(output_stride=8))[1]
    assert dilations(graph, "layer2", "conv2") == [1] * 4
    assert dilations(graph, "layer3", "conv2") == [1] + [2] * 5
    assert dilations(graph, "layer4", "conv2") == [2] + [4] * 2
    assert dilations(graph, "layer4", "conv1") == [1] * 3
    assert dilations(drawn(ResNet50(output_stride=16))[1], "layer4", "conv2") == [1, 2, 2]


def test_basic_blocks_dilate_both_convolutions() -> None:
    graph = drawn(ResNet18(output_stride=16))[1]
    assert dilations(graph, "layer4", "conv1") == dilations(graph, "layer4", "conv2") == [1, 2]


@pytest.mark.parametrize("stride", [4, 24, 64, 16.0, True, "16"])
def test_other_strides_are_refused(stride: object) -> None:
    with pytest.raises(InvalidSpecError, match="ResNet18: output_stride must be one of 8, 16, 32"):
        ResNet18(output_stride=stride)  # type: ignore[arg-type]


def test_an_architecture_sets_the_stride_only_where_it_is_open() -> None:
    assert with_output_stride(ResNet18(zero_gamma=True), 8) == ResNet18(zero_gamma=True, output_stride=8)
    assert with_output_stride(ResNet18(output_stride=32), 8) == ResNet18(output_stride=32)
    assert with_output_stride(Plain(4, 3), 8) == Plain(4, 3)


@pytest.mark.parametrize(("model", "stride"), [(DeepLabV3(), 16), (PSPNet(), 8)])
def test_a_resnet_gets_the_papers_stride(model: DeepLabV3 | PSPNet, stride: int) -> None:
    assert model.graph(channels=3, outputs=2, encoder=ResNet18()).stride == stride
    assert model.graph(channels=3, outputs=2, encoder=ResNet18(output_stride=32)).stride == 32


def test_a_unet_has_no_use_for_two_features_of_one_size() -> None:
    with pytest.raises(InvalidSpecError, match="ResNet18 has them at 1/2, 1/4, 1/8, 1/16, 1/16"):
        UNet().graph(channels=3, outputs=2, encoder=ResNet18(output_stride=16))
