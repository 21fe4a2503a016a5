"""Residual networks (He et al. 2015, 1512.03385), with torchvision's structure and parameter names under "encoder."."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import truth
from ..operations import Activation, Add, MaxPool

PREFIX = "encoder"


@frozen
class ResNet:
    """What the depths share; use one of the subclasses.

    Attributes:
        zero_gamma: start the last norm of each residual branch at zero, so that every block begins as the identity
            (Goyal et al. 2017, 1706.02677).
    """

    zero_gamma: bool = field(default=False, validator=truth(), kw_only=True)

    blocks: ClassVar[tuple[int, int, int, int]]
    """Blocks of layer1 to layer4."""
    bottleneck: ClassVar[bool]
    """1x1, 3x3, 1x1 to four times the channels, in place of two 3x3."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Five features: the stem at 1/2 of the image's size, then layer1 to layer4 at 1/4 to 1/32."""
        stem = graph.conv_norm(image, 64, conv=f"{PREFIX}.conv1", norm=f"{PREFIX}.bn1", kernel=7, stride=2)
        stem = graph.add(Activation(), stem, name=f"{PREFIX}.relu")
        features = [stem]
        node = graph.add(MaxPool(kernel=3, stride=2, padding=1), stem, name=f"{PREFIX}.maxpool")
        for layer, blocks in enumerate(self.blocks, start=1):
            for i in range(blocks):
                stride = 2 if layer > 1 and i == 0 else 1
                node = self._block(graph, node, 64 * 2 ** (layer - 1), stride, f"{PREFIX}.layer{layer}.{i}")
            features.append(node)
        return features

    def _block(self, graph: GraphBuilder, source: str, width: int, stride: int, name: str) -> str:
        branch = self._bottleneck if self.bottleneck else self._basic
        node = branch(graph, source, width, stride, name)
        channels = graph.channels(node)
        shortcut = source
        if stride != 1 or graph.channels(source) != channels:
            conv, norm = f"{name}.downsample.0", f"{name}.downsample.1"
            shortcut = graph.conv_norm(source, channels, conv=conv, norm=norm, kernel=1, stride=stride)
        return graph.add(Activation(), graph.add(Add(), node, shortcut, name=f"{name}.add"), name=f"{name}.relu")

    def _basic(self, graph: GraphBuilder, source: str, width: int, stride: int, name: str) -> str:
        node = _conv(graph, source, width, name, 1, stride=stride)
        node = graph.add(Activation(), node, name=f"{name}.relu1")
        return _conv(graph, node, width, name, 2, zero_gamma=self.zero_gamma)

    def _bottleneck(self, graph: GraphBuilder, source: str, width: int, stride: int, name: str) -> str:
        # The stride sits on the 3x3 convolution ("v1.5"), as in torchvision, not on the first 1x1 as in the paper.
        node = _conv(graph, source, width, name, 1, kernel=1)
        node = graph.add(Activation(), node, name=f"{name}.relu1")
        node = _conv(graph, node, width, name, 2, stride=stride)
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
