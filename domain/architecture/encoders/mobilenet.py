"""MobileNetV2 (Sandler et al. 2018, 1801.04381), with torchvision's structure and parameter names under "encoder."."""

from __future__ import annotations

from attrs import field, frozen

from ..builder import GraphBuilder
from ..checks import one_of
from .resnet import STRIDES
from .units import conv_norm_act, pyramid, steps, with_shortcut

_STAGES = (
    # expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@frozen
class MobileNetV2:
    """Inverted residuals with depthwise convolutions, and ReLU6; 2.2 million parameters.

    Attributes:
        output_stride: how many times smaller than the image the coarsest feature is: 32, 16 or 8, as of a ``ResNet``.
    """

    output_stride: int | None = field(default=None, validator=one_of((None, *STRIDES)), kw_only=True)

    def build(self, graph: GraphBuilder, image: str) -> list[str]:
        """Five features, at 1/2 to 1/32 of the image's size (or less); the last is what a classifier sees."""
        blocks = [(e, channels, s if i == 0 else 1) for e, channels, count, s in _STAGES for i in range(count)]
        strides = [stride for *_, stride in blocks]
        nodes = [_unit(graph, image, 32, "encoder.features.0", kernel=3, stride=2)]
        for (expansion, channels, _), step in zip(blocks, steps(strides, self.output_stride), strict=True):
            nodes.append(_block(graph, nodes[-1], channels, expansion, step, f"encoder.features.{len(nodes)}"))
        nodes.append(_unit(graph, nodes[-1], 1280, f"encoder.features.{len(nodes)}"))
        return pyramid(nodes, strides)


def _block(graph: GraphBuilder, source: str, channels: int, expansion: int, step: tuple[int, int], name: str) -> str:
    """1x1 to ``expansion`` times the channels (if that is more), 3x3 of each channel alone, 1x1 without activation."""
    node, inner, part = source, expansion * graph.channels(source), 0
    if expansion > 1:
        node = _unit(graph, node, inner, f"{name}.conv.0")
        part = 1
    sizes = {"kernel": 3, "stride": step[0], "dilation": step[1], "groups": inner}
    node = _unit(graph, node, inner, f"{name}.conv.{part}", **sizes)
    conv, norm = f"{name}.conv.{part + 1}", f"{name}.conv.{part + 2}"
    node = graph.conv_norm(node, channels, conv=conv, norm=norm, kernel=1)
    return with_shortcut(graph, source, node, f"{name}.add")


def _unit(graph: GraphBuilder, source: str, channels: int, name: str, **sizes: int) -> str:
    return conv_norm_act(graph, source, channels, name=name, function="relu6", **sizes)
