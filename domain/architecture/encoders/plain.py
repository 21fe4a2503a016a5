"""The contracting path of the original U-Net, with norms and padded convolutions."""

from __future__ import annotations

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import whole
from ..operations import MaxPool


@frozen
class Plain:
    """Two 3x3 convolutions a stage, 2x2 max-pooling between stages (Ronneberger et al. 2015, 1505.04597).

    Attributes:
        width: channels of the first stage, which has the image's full size; each further stage has twice as many.
        depth: stages.
    """

    width: int = field(default=32, validator=whole())
    depth: int = field(default=5, validator=whole())

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """The result of every stage, at 1, 1/2, 1/4 ... of the image's size."""
        features: list[str] = []
        node = image
        for stage in range(self.depth):
            if stage:
                node = graph.add(MaxPool(), node, name=f"encoder.stage{stage}.pool")
            for i in range(2):
                node = graph.conv_norm_act(node, self.width * 2**stage, name=f"encoder.stage{stage}.{i}")
            features.append(node)
        return features
