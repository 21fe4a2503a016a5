"""ConvNeXt (Liu et al. 2022, 2201.03545), with torchvision's structure and parameter names under "encoder.".

Two things are written otherwise there: linear layers of every pixel, which are 1x1 convolutions here, so their kernels
(out, in) become (out, in, 1, 1); and "layer_scale" (C, 1, 1), which is "layer_scale.weight" (C,) here.
"""

from __future__ import annotations

from attrs import frozen

from ..builder import GraphBuilder
from ..operations import Activation, Add, Conv, LayerNorm, LayerScale

_STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))
"""Channels and blocks."""
_EPSILON = 1e-6


@frozen
class ConvNeXtTiny:
    """27.8 million parameters. Without the stochastic depth of its training."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Four features, at 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        features: list[str] = []
        node = image
        for stage, (channels, blocks) in enumerate(_STAGES):
            shrink = _patches if stage == 0 else _halved
            node = shrink(graph, node, channels, f"encoder.features.{2 * stage}")
            for i in range(blocks):
                node = _block(graph, node, f"encoder.features.{2 * stage + 1}.{i}")
            features.append(node)
        return features


def _patches(graph: GraphBuilder, image: str, channels: int, name: str) -> str:
    """Every 4x4 pixels as one."""
    node = graph.add(Conv(channels, kernel=4, stride=4, bias=True), image, name=f"{name}.0")
    return graph.add(LayerNorm(_EPSILON), node, name=f"{name}.1")


def _halved(graph: GraphBuilder, source: str, channels: int, name: str) -> str:
    node = graph.add(LayerNorm(_EPSILON), source, name=f"{name}.0")
    return graph.add(Conv(channels, kernel=2, stride=2, bias=True), node, name=f"{name}.1")


def _block(graph: GraphBuilder, source: str, name: str) -> str:
    """7x7 of each channel alone, then two linear layers of every pixel, four times as wide between them."""
    channels = graph.channels(source)
    node = graph.add(Conv(channels, 7, padding=3, groups=channels, bias=True), source, name=f"{name}.block.0")
    node = graph.add(LayerNorm(_EPSILON), node, name=f"{name}.block.2")
    node = graph.add(Conv(4 * channels, 1, bias=True), node, name=f"{name}.block.3")
    node = graph.add(Activation("gelu"), node, name=f"{name}.block.4")
    node = graph.add(Conv(channels, 1, bias=True), node, name=f"{name}.block.5")
    node = graph.add(LayerScale(), node, name=f"{name}.layer_scale")
    return graph.add(Add(), node, source, name=f"{name}.add")
