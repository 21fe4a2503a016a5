"""The head of a fully convolutional network (Long et al. 2014, 1411.4038), as torchvision's auxiliary ones are."""

from __future__ import annotations

from ..builder import GraphBuilder
from ..encoders.units import conv_norm_act
from ..heads import head


def fcn(graph: GraphBuilder, source: str, outputs: int, *, name: str, dropout: float = 0.1) -> str:
    """Logits of ``source`` at the image's size: a 3x3 convolution to a quarter of its channels, then the head's."""
    inner = max(1, graph.channels(source) // 4)
    node = conv_norm_act(graph, source, inner, name=name, function="relu", kernel=3)
    return head(graph, node, outputs, name=f"{name}.4", dropout=dropout)
