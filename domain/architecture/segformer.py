"""SegFormer's decoder on any encoder, with transformers' parameter names: "decode_head."."""

from __future__ import annotations

from attrs import field, frozen

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import number, whole
from .features import features
from .graph import Graph
from .heads import head
from .operations import Activation, Concat, Conv, Resize

LEVELS = 4
"""The encoder's last features, so many at most, are joined: 1/4 to 1/32 of the image's size, as a rule."""


@frozen
class SegFormer:
    """Linear layers alone: the features in one width, brought to the finest's size and joined (Xie et al. 2021).

    The paper is 2105.15203. On ``mit-b0`` to ``mit-b2`` it is the published network, whose weights fit.

    Attributes:
        channels: of each feature and of what joins them; 768 in the published models from B2 up.
        dropout: rate in front of the head; 0 for none.
    """

    channels: int = field(default=256, validator=whole())
    dropout: float = field(default=0.1, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features.
        """
        builder = GraphBuilder(channels)
        found = features(builder, encoder, "SegFormer", least=2, coarser=False)[-LEVELS:]
        levels = [self._level(builder, source, found[0], f"decode_head.linear_c.{i}") for i, source in enumerate(found)]
        node = builder.add(Concat(), *reversed(levels), name="decode_head.concat")
        node = builder.conv_norm(
            node, self.channels, conv="decode_head.linear_fuse", norm="decode_head.batch_norm", kernel=1
        )
        node = builder.add(Activation(), node, name="decode_head.activation")
        return builder.build([head(builder, node, outputs, name="decode_head.classifier", dropout=self.dropout)])

    def _level(self, graph: GraphBuilder, source: str, finest: str, name: str) -> str:
        node = graph.add(Conv(self.channels, 1, bias=True, init="xavier"), source, name=f"{name}.proj")
        return node if source == finest else graph.add(Resize(), node, finest, name=f"{name}.resize")
