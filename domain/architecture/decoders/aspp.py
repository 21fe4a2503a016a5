"""Atrous spatial pyramid pooling (Chen et al. 2017, 1706.05587), with torchvision's parameter names."""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import GraphBuilder
from ..encoders.units import conv_norm_act
from ..operations import Activation, Concat, Conv, Dropout, GlobalPool, Norm, Resize


def aspp(
    graph: GraphBuilder,
    source: str,
    channels: int,
    *,
    rates: Sequence[int],
    dropout: float,
    name: str,
    separable: bool = False,
) -> str:
    """``source`` seen at several rates and as a whole, joined and brought to ``channels``.

    Args:
        graph: what to draw into.
        source: features.
        channels: of each branch and of the result.
        rates: dilation of each 3x3 branch.
        dropout: rate at the end; 0 for none.
        name: prefix of all that is drawn.
        separable: whether the 3x3 convolutions are depthwise separable.
    """
    dilated = separable_norm_act if separable else _dilated
    branches = [conv_norm_act(graph, source, channels, name=f"{name}.convs.0", function="relu")]
    for i, rate in enumerate(rates, start=1):
        branches.append(dilated(graph, source, channels, rate, f"{name}.convs.{i}"))
    branches.append(_whole(graph, source, channels, f"{name}.convs.{len(branches)}"))
    joined = graph.add(Concat(), *branches, name=f"{name}.concat")
    node = conv_norm_act(graph, joined, channels, name=f"{name}.project", function="relu")
    return graph.add(Dropout(dropout), node, name=f"{name}.project.3") if dropout else node


def default_rates(scale: int | None) -> tuple[int, ...]:
    """The paper's: 6, 12 and 18, and twice that for features at an eighth of the image's size or finer."""
    return (12, 24, 36) if scale is not None and scale <= 8 else (6, 12, 18)


def separable_norm_act(graph: GraphBuilder, source: str, channels: int, dilation: int, name: str) -> str:
    """3x3 of each channel alone, then 1x1 ("<name>.0.0", "<name>.0.1"), a norm ("<name>.1") and ReLU ("<name>.2")."""
    own = graph.channels(source)
    depthwise = Conv(own, 3, padding=dilation, dilation=dilation, groups=own)
    node = graph.add(depthwise, source, name=f"{name}.0.0")
    node = graph.add(Conv(channels, 1), node, name=f"{name}.0.1")
    return graph.add(Activation(), graph.add(Norm(), node, name=f"{name}.1"), name=f"{name}.2")


def _dilated(graph: GraphBuilder, source: str, channels: int, dilation: int, name: str) -> str:
    return conv_norm_act(graph, source, channels, name=name, function="relu", kernel=3, dilation=dilation)


def _whole(graph: GraphBuilder, source: str, channels: int, name: str) -> str:
    """The mean of all of ``source``, at its size again."""
    node = graph.add(GlobalPool(), source, name=f"{name}.0")
    node = graph.conv_norm(node, channels, conv=f"{name}.1", norm=f"{name}.2", kernel=1)
    node = graph.add(Activation(), node, name=f"{name}.3")
    return graph.add(Resize(), node, source, name=f"{name}.resize")
