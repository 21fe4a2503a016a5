"""PSPNet on any encoder."""

from __future__ import annotations

from attrs import field, frozen

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import as_tuple, number, truth, whole, wholes
from .decoders.fcn import fcn
from .features import features, with_output_stride
from .graph import Graph
from .heads import head
from .operations import Concat, GridPool, Resize

OUTPUT_STRIDE = 8
"""Of encoders that leave it open, as in the paper."""


@frozen
class PSPNet:
    """The encoder's last feature, joined with its means over grids of several sizes (Zhao et al. 2016, 1612.01105).

    An encoder that leaves its ``output_stride`` open gets 8.

    Attributes:
        bins: cells along each side of the grids; together they have as many channels as the feature itself.
        channels: of the convolution behind the pyramid.
        auxiliary: also predict from the last feature but one, to be supervised as well; the paper weighs that 0.4.
        dropout: rate in front of the head; 0 for none.
    """

    bins: tuple[int, ...] = field(default=(1, 2, 3, 6), converter=as_tuple, validator=wholes())
    channels: int = field(default=512, validator=whole())
    auxiliary: bool = field(default=False, validator=truth())
    dropout: float = field(default=0.1, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has no feature, or only one and ``auxiliary`` needs another.
        """
        builder = GraphBuilder(channels)
        encoder = with_output_stride(encoder, OUTPUT_STRIDE)
        found = features(builder, encoder, "PSPNet", least=1 + self.auxiliary, coarser=False)
        node = self._pyramid(builder, found[-1])
        node = builder.conv_norm_act(node, self.channels, name="decoder.join")
        logits = [head(builder, node, outputs, name="head", dropout=self.dropout)]
        if self.auxiliary:
            logits.append(fcn(builder, found[-2], outputs, name="auxiliary"))
        return builder.build(logits)

    def _pyramid(self, graph: GraphBuilder, source: str) -> str:
        width, levels = max(1, graph.channels(source) // len(self.bins)), [source]
        for i, cells in enumerate(self.bins):
            name = f"decoder.level{i}"
            node = graph.add(GridPool(cells), source, name=f"{name}.pool")
            node = graph.conv_norm_act(node, width, name=name, kernel=1)
            levels.append(graph.add(Resize(), node, source, name=f"{name}.resize"))
        return graph.add(Concat(), *levels, name="decoder.concat")
