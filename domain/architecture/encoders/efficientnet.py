"""EfficientNet (Tan and Le 2019, 1905.11946), with torchvision's structure and parameter names under "encoder."."""

from __future__ import annotations

import math
from typing import ClassVar

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import one_of
from ..operations import Activation, Conv, GlobalPool, Multiply
from .resnet import STRIDES
from .units import conv_norm_act, pyramid, steps, with_shortcut

_STAGES = (
    # expansion, kernel, stride of the first block, channels, blocks: of B0
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


@frozen
class EfficientNet:
    """What the sizes share; use one of the subclasses. Without the stochastic depth of its training.

    Attributes:
        output_stride: how many times smaller than the image the coarsest feature is: 32, 16 or 8, as of a ``ResNet``.
    """

    output_stride: int | None = field(default=None, validator=one_of((None, *STRIDES)), kw_only=True)

    width: ClassVar[float]
    """Times the channels of B0."""
    depth: ClassVar[float]
    """Times its blocks."""

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Five features, at 1/2 to 1/32 of the image's size (or less); the last is what a classifier sees."""
        blocks = [
            (f"{stage}.{i}", expansion, kernel, channels, stride if i == 0 else 1)
            for stage, (expansion, kernel, stride, channels, count) in enumerate(_STAGES, start=1)
            for i in range(math.ceil(count * self.depth))
        ]
        strides = [stride for *_, stride in blocks]
        nodes = [_unit(graph, image, self._channels(32), "encoder.features.0", kernel=3, stride=2)]
        for (number, expansion, kernel, channels, _), step in zip(
            blocks, steps(strides, self.output_stride), strict=True
        ):
            name = f"encoder.features.{number}"
            nodes.append(_block(graph, nodes[-1], self._channels(channels), expansion, kernel, step, name))
        last = f"encoder.features.{len(_STAGES) + 1}"
        nodes.append(_unit(graph, nodes[-1], 4 * graph.channels(nodes[-1]), last))
        return pyramid(nodes, strides)

    def _channels(self, of_b0: int) -> int:
        """The nearest multiple of 8, but not less than nine tenths."""
        wanted = of_b0 * self.width
        nearest = max(8, int(wanted + 4) // 8 * 8)
        return nearest + 8 if nearest < 0.9 * wanted else nearest


def _block(
    graph: GraphBuilder, source: str, channels: int, expansion: int, kernel: int, step: tuple[int, int], name: str
) -> str:
    """MBConv: 1x1 to ``expansion`` times the channels, each of those convolved alone and weighed, 1x1 back."""
    node, before, part = source, graph.channels(source), 0
    inner = expansion * before
    if expansion > 1:
        node = _unit(graph, node, inner, f"{name}.block.0")
        part = 1
    sizes = {"kernel": kernel, "stride": step[0], "dilation": step[1], "groups": inner}
    node = _unit(graph, node, inner, f"{name}.block.{part}", **sizes)
    node = _squeeze_excitation(graph, node, max(1, before // 4), f"{name}.block.{part + 1}")
    conv, norm = f"{name}.block.{part + 2}.0", f"{name}.block.{part + 2}.1"
    node = graph.conv_norm(node, channels, conv=conv, norm=norm, kernel=1)
    return with_shortcut(graph, source, node, f"{name}.add")


def _squeeze_excitation(graph: GraphBuilder, source: str, squeezed: int, name: str) -> str:
    """Every channel weighed by what the means of all of them say (Hu et al. 2017, 1709.01507)."""
    gate = graph.add(GlobalPool(), source, name=f"{name}.avgpool")
    gate = graph.add(Conv(squeezed, 1, bias=True), gate, name=f"{name}.fc1")
    gate = graph.add(Activation("silu"), gate, name=f"{name}.activation")
    gate = graph.add(Conv(graph.channels(source), 1, bias=True), gate, name=f"{name}.fc2")
    gate = graph.add(Activation("sigmoid"), gate, name=f"{name}.scale_activation")
    return graph.add(Multiply(), source, gate, name=f"{name}.scale")


def _unit(graph: GraphBuilder, source: str, channels: int, name: str, **sizes: int) -> str:
    return conv_norm_act(graph, source, channels, name=name, function="silu", **sizes)


@frozen
class EfficientNetB0(EfficientNet):
    """4.0 million parameters."""

    width, depth = 1.0, 1.0


@frozen
class EfficientNetB1(EfficientNet):
    """6.5 million parameters."""

    width, depth = 1.0, 1.1


@frozen
class EfficientNetB2(EfficientNet):
    """7.7 million parameters."""

    width, depth = 1.1, 1.2


@frozen
class EfficientNetB3(EfficientNet):
    """10.7 million parameters."""

    width, depth = 1.2, 1.4
