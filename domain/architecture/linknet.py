"""LinkNet on any encoder."""

from __future__ import annotations

from attrs import field, frozen

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import number, whole
from .features import features
from .graph import IMAGE, Graph
from .heads import head
from .operations import Add, Resize


@frozen
class LinkNet:
    """A thin decoder that adds the encoder's features on the way up (Chaurasia and Culurciello 2017, 1707.03718).

    Each block enlarges by a bilinear resize and a 3x3 convolution, of as many parameters as the paper's transposed one
    and without its checkerboard.

    Attributes:
        last_channels: of the block at full size, drawn where the encoder's first feature is smaller than the image.
        dropout: rate in front of the head; 0 for none.
    """

    last_channels: int = field(default=32, validator=whole())
    dropout: float = field(default=0.0, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features, or two of one size.
        """
        builder = GraphBuilder(channels)
        *skips, node = features(builder, encoder, "LinkNet", least=2, coarser=True)
        for i, skip in enumerate(reversed(skips)):
            node = _block(builder, node, builder.channels(skip), skip, f"decoder.{i}")
            node = builder.add(Add(), node, skip, name=f"decoder.{i}.add")
        if builder.scale(node) != 1:
            node = _block(builder, node, self.last_channels, IMAGE, f"decoder.{len(skips)}")
        return builder.build([head(builder, node, outputs, name="head", dropout=self.dropout)])


def _block(graph: GraphBuilder, source: str, channels: int, target: str, name: str) -> str:
    """1x1 to a quarter of the channels, 3x3 at ``target``'s size, 1x1 to ``channels``."""
    inner = max(1, graph.channels(source) // 4)
    node = graph.conv_norm_act(source, inner, name=f"{name}.0", kernel=1)
    node = graph.add(Resize(), node, target, name=f"{name}.resize")
    node = graph.conv_norm_act(node, inner, name=f"{name}.1")
    return graph.conv_norm_act(node, channels, name=f"{name}.2", kernel=1)
