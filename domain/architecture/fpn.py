"""A feature pyramid network for segmentation, on any encoder."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import number, whole
from .features import features
from .graph import Graph
from .heads import head
from .operations import Add, Conv, Resize

LEVELS = 4
"""The pyramid is made of the encoder's last features, so many at most: 1/4 to 1/32 of the image's size, as a rule."""


@frozen
class FPN:
    """A pyramid of features from coarse to fine, whose levels are all brought to the finest and added.

    The pyramid is that of Lin et al. 2016 (1612.03144), the branch that makes logits of it that of Kirillov et al.
    2019 (1901.02446, figure 3), with batch norms. The branch's 3x3 convolutions also do the smoothing of the pyramid's.

    Attributes:
        pyramid_channels: of every level.
        channels: of the branch.
        dropout: rate in front of the head; 0 for none.
    """

    pyramid_channels: int = field(default=256, validator=whole())
    channels: int = field(default=128, validator=whole())
    dropout: float = field(default=0.0, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features.
        """
        builder = GraphBuilder(channels)
        found = features(builder, encoder, "FPN", least=2, coarser=False)
        levels = self._pyramid(builder, found[-LEVELS:])
        branches = [self._branch(builder, levels, i) for i in range(len(levels))]
        node = builder.add(Add(), *branches, name="decoder.merged")
        return builder.build([head(builder, node, outputs, name="head", dropout=self.dropout)])

    def _pyramid(self, graph: GraphBuilder, sources: Sequence[str]) -> list[str]:
        """The levels, finest first: each feature in ``pyramid_channels``, plus the next coarser level enlarged."""
        levels: list[str] = []
        for i in reversed(range(len(sources))):
            name, lateral = f"decoder.lateral{i}", Conv(self.pyramid_channels, 1, bias=True, init="xavier")
            node = graph.add(lateral, sources[i], name=name)
            if levels:
                above = graph.add(Resize("nearest"), levels[0], node, name=f"decoder.above{i}")
                node = graph.add(Add(), node, above, name=f"decoder.level{i}")
            levels.insert(0, node)
        return levels

    def _branch(self, graph: GraphBuilder, levels: Sequence[str], start: int) -> str:
        """A level brought to the finest's size, a 3x3 convolution and a step at a time; one convolution at least."""
        node = levels[start]
        for step in range(max(1, start)):
            name = f"decoder.branch{start}.{step}"
            node = graph.conv_norm_act(node, self.channels, name=name)
            if start:
                node = graph.add(Resize(), node, levels[start - step - 1], name=f"{name}.resize")
        return node
