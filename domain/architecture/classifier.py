"""A classifier of whole images on any encoder: the one architecture whose logits are one pixel."""

from __future__ import annotations

from attrs import field, frozen

from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import number
from .features import features
from .graph import Graph
from .operations import Conv, Dropout, GlobalPool


@frozen
class Classifier:
    """The encoder's last feature, averaged over the image, and a linear layer: a 1x1 convolution called "fc".

    On a ResNet these are torchvision's names and weights, so that its ``fc`` is taken over where the classes are as
    many.

    Attributes:
        dropout: rate in front of the linear layer; 0 for none.
    """

    dropout: float = field(default=0.0, validator=number(0.0, 0.99))

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits an image, (N, 1, 1, outputs).

        Raises InvalidSpecError when the encoder has no feature.
        """
        builder = GraphBuilder(channels)
        deepest = features(builder, encoder, "Classifier", least=1, coarser=False)[-1]
        node = builder.add(GlobalPool(), deepest, name="avgpool")
        if self.dropout:
            node = builder.add(Dropout(self.dropout), node, name="dropout")
        logits = builder.add(Conv(outputs, kernel=1, bias=True, init="xavier"), node, name="fc")
        return builder.build([logits])
