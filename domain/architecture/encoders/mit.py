"""Mix Transformer, the encoder of SegFormer (Xie et al. 2021, 2105.15203), with transformers' names under "encoder.".

One thing is written otherwise there: linear layers of every pixel, which are 1x1 convolutions here, so their kernels
(out, in) become (out, in, 1, 1).
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ..builder import GraphBuilder
from ..operations import Activation, Add, Attention, Conv, LayerNorm

_STAGES = (
    # kernel and stride of the patches, heads of the attention, how many times fewer rows and columns it looks at
    (7, 4, 1, 8),
    (3, 2, 2, 4),
    (3, 2, 5, 2),
    (3, 2, 8, 1),
)
_EPSILON = 1e-5
"""Of every norm, as in transformers. The authors' own code has 1e-6 in those of the blocks and behind the stages."""


@frozen
class MixTransformer:
    """What the sizes share; use one of the subclasses. Without the stochastic depth of its training."""

    channels: ClassVar[tuple[int, ...]]
    """Of each stage."""
    blocks: ClassVar[tuple[int, ...]] = (2, 2, 2, 2)
    """In each stage."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Four features, at 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        features: list[str] = []
        node = image
        for stage, (kernel, stride, heads, reduction) in enumerate(_STAGES):
            patches = Conv(self.channels[stage], kernel, stride, padding=kernel // 2, bias=True)
            node = graph.add(patches, node, name=f"encoder.patch_embeddings.{stage}.proj")
            node = _norm(graph, node, f"encoder.patch_embeddings.{stage}.layer_norm")
            for i in range(self.blocks[stage]):
                node = _block(graph, node, heads, reduction, f"encoder.block.{stage}.{i}")
            node = _norm(graph, node, f"encoder.layer_norm.{stage}")
            features.append(node)
        return features


def _block(graph: GraphBuilder, source: str, heads: int, reduction: int, name: str) -> str:
    node = _norm(graph, source, f"{name}.layer_norm_1")
    node = _attention(graph, node, heads, reduction, f"{name}.attention")
    source = graph.add(Add(), node, source, name=f"{name}.attended")
    node = _norm(graph, source, f"{name}.layer_norm_2")
    node = _mix(graph, node, f"{name}.mlp")
    return graph.add(Add(), node, source, name=f"{name}.add")


def _attention(graph: GraphBuilder, source: str, heads: int, reduction: int, name: str) -> str:
    """Every pixel looks at all others; in fine features, at patches of ``reduction`` x ``reduction`` of them."""
    channels, seen = graph.channels(source), source
    if reduction > 1:
        seen = graph.add(Conv(channels, reduction, reduction, bias=True), source, name=f"{name}.self.sr")
        seen = _norm(graph, seen, f"{name}.self.layer_norm")
    query = _linear(graph, source, channels, f"{name}.self.query")
    key, value = (_linear(graph, seen, channels, f"{name}.self.{part}") for part in ("key", "value"))
    node = graph.add(Attention(heads), query, key, value, name=f"{name}.self.heads")
    return _linear(graph, node, channels, f"{name}.output.dense")


def _mix(graph: GraphBuilder, source: str, name: str) -> str:
    """Two linear layers, four times as wide between them, where 3x3 of each channel alone tells pixels their place."""
    channels = graph.channels(source)
    node = _linear(graph, source, 4 * channels, f"{name}.dense1")
    depthwise = Conv(4 * channels, 3, padding=1, groups=4 * channels, bias=True, init="depthwise")
    node = graph.add(depthwise, node, name=f"{name}.dwconv.dwconv")
    node = graph.add(Activation("gelu"), node, name=f"{name}.activation")
    return _linear(graph, node, channels, f"{name}.dense2")


def _linear(graph: GraphBuilder, source: str, channels: int, name: str) -> str:
    return graph.add(Conv(channels, 1, bias=True, init="narrow"), source, name=name)


def _norm(graph: GraphBuilder, source: str, name: str) -> str:
    return graph.add(LayerNorm(_EPSILON), source, name=name)


@frozen
class MiTB0(MixTransformer):
    """3.3 million parameters."""

    channels = (32, 64, 160, 256)


@frozen
class MiTB1(MixTransformer):
    """13.2 million parameters."""

    channels = (64, 128, 320, 512)


@frozen
class MiTB2(MixTransformer):
    """24.2 million parameters."""

    channels = (64, 128, 320, 512)
    blocks = (3, 4, 6, 3)
