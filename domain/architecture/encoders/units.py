"""What several families of encoders are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..builder import GraphBuilder
from ..operations import Activation, Add


def conv_norm_act(
    graph: GraphBuilder,
    source: str,
    channels: int,
    *,
    name: str,
    function: str,
    kernel: int = 1,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> str:
    """A convolution, its norm and an activation: "<name>.0", "<name>.1" and "<name>.2", as torchvision counts them."""
    normed = graph.conv_norm(
        source,
        channels,
        conv=f"{name}.0",
        norm=f"{name}.1",
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        groups=groups,
    )
    return graph.add(Activation(function), normed, name=f"{name}.2")


def with_shortcut(graph: GraphBuilder, source: str, branch: str, name: str) -> str:
    """Their sum, called ``name``, where they have one shape; else the branch alone."""
    if (graph.channels(source), graph.scale(source)) != (graph.channels(branch), graph.scale(branch)):
        return branch
    return graph.add(Add(), branch, source, name=name)


def steps(strides: Sequence[int], output_stride: int | None) -> Iterator[tuple[int, int]]:
    """(stride, dilation) of each block behind a stem of stride 2, for published ``strides``.

    Where the result would be more than ``output_stride`` times smaller than the image, blocks are dilated in place of
    strided (Yu et al. 2017, 1705.09914).
    """
    scale, dilation = 2, 1
    for stride in strides:
        strided = output_stride is None or scale * stride <= output_stride
        yield stride if strided else 1, dilation
        # The first block still sees what the one before made, so it keeps that one's dilation.
        scale, dilation = (scale * stride, dilation) if strided else (scale, dilation * stride)


def pyramid(nodes: Sequence[str], strides: Sequence[int]) -> list[str]:
    """The features of a chain: what goes into each block whose published stride is more than 1, and the last node."""
    return [*(node for node, stride in zip(nodes, strides, strict=False) if stride > 1), nodes[-1]]
