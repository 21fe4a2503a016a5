"""Residual networks (He et al. 2015, 1512.03385), with torchvision's structure and parameter names under "encoder."."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import one_of, truth
from ..operations import Activation, Add, MaxPool

PREFIX = "encoder"
STRIDES = (8, 16, 32)


@frozen
class ResNet:
    """What the depths share; use one of the subclasses.

    Attributes:
        zero_gamma: start the last norm of each residual branch at zero, so that every block begins as the identity
            (Goyal et al. 2017, 1706.02677).
        output_stride: how many times smaller than the image the coarsest features are: 32, 16 or 8. Below 32 the last
            layers are dilated in place of strided (Yu et al. 2017, 1705.09914), as torchvision's segmentation models
            are. None leaves it to the architecture; most take 32.
    """

    zero_gamma: bool = field(default=False, validator=truth(), kw_only=True)
    output_stride: int | None = field(default=None, validator=one_of((None, *STRIDES)), kw_only=True)

    blocks: ClassVar[tuple[int, int, int, int]]
    """Blocks of layer1 to layer4."""
    bottleneck: ClassVar[bool]
    """1x1, 3x3, 1x1 to four times the channels, in place of two 3x3."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Five features: the stem at 1/2 of the image's size, then layer1 to layer4 at 1/4 to 1/32 (or less)."""
        stem = graph.conv_norm(image, 64, conv=f"{PREFIX}.conv1", norm=f"{PREFIX}.bn1", kernel=7, stride=2)
        stem = graph.add(Activation(), stem, name=f"{PREFIX}.relu")
        features = [stem]
        node = graph.add(MaxPool(kernel=3, stride=2, padding=1), stem, name=f"{PREFIX}.maxpool")
        dilation = 1
        for layer, blocks in enumerate(self.blocks, start=1):
            dilated = 2 ** (layer + 1) > (self.output_stride or max(STRIDES))
            stride = 2 if layer > 1 and not dilated else 1
            for i in range(blocks):
                name = f"{PREFIX}.layer{layer}.{i}"
                node = self._block(graph, node, 64 * 2 ** (layer - 1), stride if i == 0 else 1, dilation, name)
                # The first block still sees what the layer before made, so it keeps that one's dilation.
                dilation = 2 * dilation if dilated and i == 0 else dilation
            features.append(node)
        return features

    def _block(self, graph: GraphBuilder, source: str, width: int, stride: int, dilation: int, name: str) -> str:
        branch = self._bottleneck if self.bottleneck else self._basic
        node = branch(graph, source, width, stride, dilation, name)
        channels = graph.channels(node)
        shortcut = source
        if stride != 1 or graph.channels(source) != channels:
            conv, norm = f"{name}.downsample.0", f"{name}.downsample.1"
            shortcut = graph.conv_norm(source, channels, conv=conv, norm=norm, kernel=1, stride=stride)
        return graph.add(Activation(), graph.add(Add(), node, shortcut, name=f"{name}.add"), name=f"{name}.relu")

    def _basic(self, graph: GraphBuilder, source: str, width: int, stride: int, dilation: int, name: str) -> str:
        node = _conv(graph, source, width, name, 1, stride=stride, dilation=dilation)
        node = graph.add(Activation(), node, name=f"{name}.relu1")
        return _conv(graph, node, width, name, 2, dilation=dilation, zero_gamma=self.zero_gamma)

    def _bottleneck(self, graph: GraphBuilder, source: str, width: int, stride: int, dilation: int, name: str) -> str:
        # The stride sits on the 3x3 convolution ("v1.5"), as in torchvision, not on the first 1x1 as in the paper.
        node = _conv(graph, source, width, name, 1, kernel=1)
        node = graph.add(Activation(), node, name=f"{name}.relu1")
        node = _conv(graph, node, width, name, 2, stride=stride, dilation=dilation)
        node = graph.add(Activation(), node, name=f"{name}.relu2")
        return _conv(graph, node, 4 * width, name, 3, kernel=1, zero_gamma=self.zero_gamma)


def _conv(
    graph: GraphBuilder,
    source: str,
    channels: int,
    name: str,
    number: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    zero_gamma: bool = False,
) -> str:
    """The block's ``number``-th convolution and norm, under torchvision's names."""
    return graph.conv_norm(
        source,
        channels,
        conv=f"{name}.conv{number}",
        norm=f"{name}.bn{number}",
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        zero_gamma=zero_gamma,
    )


@frozen
class ResNet18(ResNet):
    """11.2 million parameters."""

    blocks = (2, 2, 2, 2)
    bottleneck = False


@frozen
class ResNet34(ResNet):
    """21.3 million parameters."""

    blocks = (3, 4, 6, 3)
    bottleneck = False


@frozen
class ResNet50(ResNet):
    """23.5 million parameters; the stride is on the 3x3 convolutions."""

    blocks = (3, 4, 6, 3)
    bottleneck = True


@frozen
class ResNet101(ResNet):
    """42.5 million parameters."""

    blocks = (3, 4, 23, 3)
    bottleneck = True


@frozen
class ResNet152(ResNet):
    """58.1 million parameters."""

    blocks = (3, 8, 36, 3)
    bottleneck = True
