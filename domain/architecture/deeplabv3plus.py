"""DeepLabV3+ on any encoder."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import optional

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import as_tuple, number, truth, whole, wholes
from .decoders.aspp import aspp, default_rates, separable_norm_act
from .features import features, with_output_stride
from .graph import Graph
from .heads import head
from .operations import Concat, Resize

OUTPUT_STRIDE = 16
"""Of encoders that leave it open, as in the paper."""
FINE = 4
"""The decoder works at this fraction of the image's size, or at the encoder's nearest finer one."""


@frozen
class DeepLabV3Plus:
    """Atrous spatial pyramid pooling, joined with a fine feature of the encoder (Chen et al. 2018, 1802.02611).

    An encoder that leaves its ``output_stride`` open gets 16.

    Attributes:
        channels: of the pyramid and of the decoder's two convolutions.
        fine_channels: what the fine feature is reduced to, so that it does not outweigh the pyramid.
        rates: dilations of the pyramid; none given, 6, 12, 18, or 12, 24, 36 at an output stride of 8 or less.
        separable: depthwise separable 3x3 convolutions in pyramid and decoder: many times fewer multiplications.
        dropout: rate behind the pyramid; 0 for none.
    """

    channels: int = field(default=256, validator=whole())
    fine_channels: int = field(default=48, validator=whole())
    rates: tuple[int, ...] | None = field(default=None, converter=as_tuple, validator=optional(wholes()))
    separable: bool = field(default=True, validator=truth())
    dropout: float = field(default=0.5, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features.
        """
        builder = GraphBuilder(channels)
        encoder = with_output_stride(encoder, OUTPUT_STRIDE)
        *finer, deepest = features(builder, encoder, "DeepLabV3Plus", least=2, coarser=False)
        rates = self.rates or default_rates(builder.scale(deepest))
        coarse = aspp(
            builder,
            deepest,
            self.channels,
            rates=rates,
            dropout=self.dropout,
            name="decoder.aspp",
            separable=self.separable,
        )
        node = self._join(builder, coarse, _fine(builder, finer))
        return builder.build([head(builder, node, outputs, name="head")])

    def _join(self, graph: GraphBuilder, coarse: str, fine: str) -> str:
        reduced = graph.conv_norm_act(fine, self.fine_channels, name="decoder.fine", kernel=1)
        enlarged = graph.add(Resize(), coarse, fine, name="decoder.resize")
        node = graph.add(Concat(), enlarged, reduced, name="decoder.concat")
        for i in range(2):
            if self.separable:
                node = separable_norm_act(graph, node, self.channels, 1, f"decoder.{i}")
            else:
                node = graph.conv_norm_act(node, self.channels, name=f"decoder.{i}")
        return node


def _fine(graph: GraphBuilder, features: list[str]) -> str:
    """The coarsest feature that is not smaller than the image by more than ``FINE``; else the finest there is."""
    fine = [feature for feature in features if (graph.scale(feature) or 0) <= FINE]
    return fine[-1] if fine else features[0]
