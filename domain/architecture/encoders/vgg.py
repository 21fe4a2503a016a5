"""VGG with batch norms (Simonyan and Zisserman 2014, 1409.1556), with torchvision's names under "encoder."."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ..builder import GraphBuilder
from ..operations import Activation, Conv, MaxPool, Norm

_WIDTHS = (64, 128, 256, 512, 512)


@frozen
class VGG:
    """What the depths share; use one of the subclasses. The published networks pool once more, for their classifier."""

    convolutions: ClassVar[tuple[int, int, int, int, int]]
    """Of 3x3, in each of the five stages."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """The result of every stage, at 1, 1/2, 1/4, 1/8 and 1/16 of the image's size."""
        features: list[str] = []
        node, number = image, 0
        for width, convolutions in zip(_WIDTHS, self.convolutions, strict=True):
            if features:
                node = graph.add(MaxPool(), node, name=_name(number))
                number += 1
            for _ in range(convolutions):
                for operation in (Conv(width, padding=1, bias=True), Norm(), Activation()):
                    node = graph.add(operation, node, name=_name(number))
                    number += 1
            features.append(node)
        return features


def _name(number: int) -> str:
    """torchvision's: the position in one long sequence of layers."""
    return f"encoder.features.{number}"


@frozen
class VGG11(VGG):
    """9.2 million parameters."""

    convolutions = (1, 1, 2, 2, 2)


@frozen
class VGG13(VGG):
    """9.4 million parameters."""

    convolutions = (2, 2, 2, 2, 2)


@frozen
class VGG16(VGG):
    """14.7 million parameters."""

    convolutions = (2, 2, 3, 3, 3)
