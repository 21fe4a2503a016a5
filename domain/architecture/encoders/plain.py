"""The contracting path of the original U-Net and of U-Net++, with padded convolutions."""

from __future__ import annotations

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import truth, whole
from ..operations import Activation, Conv, MaxPool


@frozen
class Plain:
    """Two 3x3 convolutions a stage, 2x2 max-pooling between stages (Ronneberger et al. 2015, 1505.04597).

    With width 32 and depth 5 it is the VGG-style encoder of U-Net++ (Zhou et al. 2018, 1807.10165).

    Attributes:
        width: channels of the first stage, which has the image's full size; each further stage has twice as many.
        depth: stages.
        norm: whether each convolution is followed by a batch norm; without, it has a bias, as in both papers.
    """

    width: int = field(default=32, validator=whole())
    depth: int = field(default=5, validator=whole())
    norm: bool = field(default=True, validator=truth())

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """The result of every stage, at 1, 1/2, 1/4 ... of the image's size."""
        features: list[str] = []
        node = image
        for stage in range(self.depth):
            if stage:
                node = graph.add(MaxPool(), node, name=f"encoder.stage{stage}.pool")
            for i in range(2):
                node = self._convolve(graph, node, self.width * 2**stage, f"encoder.stage{stage}.{i}")
            features.append(node)
        return features

    def _convolve(self, graph: GraphBuilder, source: str, channels: int, name: str) -> str:
        if self.norm:
            return graph.conv_norm_act(source, channels, name=name)
        node = graph.add(Conv(channels, padding=1, bias=True), source, name=f"{name}.conv")
        return graph.add(Activation(), node, name=f"{name}.act")
