"""DeepLabV3 on any encoder, with torchvision's parameter names: "classifier." and "aux_classifier."."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import optional

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import as_tuple, number, truth, whole, wholes
from .decoders.aspp import aspp, default_rates
from .decoders.fcn import fcn
from .features import features, with_output_stride
from .graph import Graph
from .heads import head
from .operations import Activation

OUTPUT_STRIDE = 16
"""Of encoders that leave it open: what the paper trains with. It evaluates with 8; torchvision uses that for both."""


@frozen
class DeepLabV3:
    """Atrous spatial pyramid pooling on the encoder's last feature (Chen et al. 2017, 1706.05587).

    An encoder that leaves its ``output_stride`` open gets 16. On ``resnet50:output_stride=8`` it is torchvision's
    ``deeplabv3_resnet50``, whose weights fit.

    Attributes:
        channels: of the pyramid and of the convolution behind it.
        rates: dilations of the pyramid; none given, 6, 12, 18, or 12, 24, 36 at an output stride of 8 or less.
        auxiliary: also predict from the last feature but one, to be supervised as well.
        dropout: rate behind the pyramid; 0 for none.
    """

    channels: int = field(default=256, validator=whole())
    rates: tuple[int, ...] | None = field(default=None, converter=as_tuple, validator=optional(wholes()))
    auxiliary: bool = field(default=False, validator=truth())
    dropout: float = field(default=0.5, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has no feature, or only one and ``auxiliary`` needs another.
        """
        builder = GraphBuilder(channels)
        encoder = with_output_stride(encoder, OUTPUT_STRIDE)
        found = features(builder, encoder, "DeepLabV3", least=1 + self.auxiliary, coarser=False)
        rates = self.rates or default_rates(builder.scale(found[-1]))
        node = aspp(builder, found[-1], self.channels, rates=rates, dropout=self.dropout, name="classifier.0")
        node = builder.conv_norm(node, self.channels, conv="classifier.1", norm="classifier.2")
        node = builder.add(Activation(), node, name="classifier.3")
        logits = [head(builder, node, outputs, name="classifier.4")]
        if self.auxiliary:
            logits.append(fcn(builder, found[-2], outputs, name="aux_classifier"))
        return builder.build(logits)
