"""Drawing a graph, node by node, with channels and scale known at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import InvalidSpecError
from .graph import IMAGE, Graph, Node
from .operation import Operation
from .operations import Activation, Conv, Input, Norm
from .shapes import Shape

NOMINAL = 7680
"""Side of the image that scales are worked out on: 2^9 * 3 * 5, so every usual stride divides it."""


class GraphBuilder:
    """A graph being drawn. It starts with the input node, named ``IMAGE``.

    Args:
        channels: of the image.
    """

    def __init__(self, channels: int) -> None:
        self._nodes = [Node(IMAGE, Input(channels))]
        self._shapes: dict[str, Shape] = {IMAGE: (channels, NOMINAL, NOMINAL)}
        self._doubled: dict[str, Shape] = {IMAGE: (channels, 2 * NOMINAL, 2 * NOMINAL)}

    def add(self, operation: Operation, *inputs: str, name: str) -> str:
        """Appends a node and returns its name.

        Raises InvalidSpecError when the name is taken, an input is unknown, the inputs cannot be combined, or the
        result's size is not the image's divided by a whole number.
        """
        unknown = [f"its input {i!r} is not in the graph yet" for i in inputs if i not in self._shapes]
        taken = ["the name is taken"] if name in self._shapes else []
        count = filter(None, [operation.count_problem(len(inputs))])
        if problems := [*taken, *unknown, *count]:
            raise InvalidSpecError(f"Node {name!r} cannot be added.", problems=problems)
        self._shapes[name], self._doubled[name] = self._new_shapes(operation, inputs, name)
        self._nodes.append(Node(name, operation, inputs))
        return name

    def channels(self, node: str) -> int:
        """Channels of a node's result."""
        return self._shapes[node][0]

    def scale(self, node: str) -> int | None:
        """How many times smaller than the image a node's result is; None where its size is not the image's affair."""
        height = self._shapes[node][1]
        return None if self._doubled[node][1] == height else NOMINAL // height

    def conv_norm(
        self,
        source: str,
        channels: int,
        *,
        conv: str,
        norm: str,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        zero_gamma: bool = False,
    ) -> str:
        """A convolution without bias, padded to keep the size (divided by ``stride``), and its norm; both by name."""
        padding = dilation * (kernel - 1) // 2
        operation = Conv(channels, kernel, stride, padding, dilation, groups)
        return self.add(Norm(zero_gamma=zero_gamma), self.add(operation, source, name=conv), name=norm)

    def conv_norm_act(
        self, source: str, channels: int, *, name: str, kernel: int = 3, stride: int = 1, function: str = "relu"
    ) -> str:
        """``conv_norm`` and an activation, named "<name>.conv", "<name>.norm" and "<name>.act"."""
        normed = self.conv_norm(
            source, channels, conv=f"{name}.conv", norm=f"{name}.norm", kernel=kernel, stride=stride
        )
        return self.add(Activation(function), normed, name=f"{name}.act")

    def build(self, outputs: Sequence[str]) -> Graph:
        """The checked graph, without the nodes that no output needs. Its stride is the least common multiple of scales.

        Raises InvalidSpecError when an output is unknown, or not of the image's size (or one pixel, as a classifier's).
        """
        nodes = self._needed(outputs)
        scales = [scale for node in nodes if (scale := self.scale(node.name)) is not None]
        return Graph(nodes, outputs, math.lcm(*scales))

    def _needed(self, outputs: Sequence[str]) -> tuple[Node, ...]:
        needed = {IMAGE, *outputs}
        for node in reversed(self._nodes):
            needed |= set(node.inputs) if node.name in needed else set()
        return tuple(node for node in self._nodes if node.name in needed)

    def _new_shapes(self, operation: Operation, inputs: Sequence[str], name: str) -> tuple[Shape, Shape]:
        try:
            shape, doubled = (operation.shape([known[i] for i in inputs]) for known in (self._shapes, self._doubled))
        except InvalidSpecError as error:
            problems = [f"{i!r} is {self._words(i)}" for i in inputs]
            raise InvalidSpecError(f"Node {name!r}: {error.message}", problems=problems, fix=error.fix) from None
        if NOMINAL % shape[1] and doubled[1] != shape[1]:
            raise InvalidSpecError(
                f"Node {name!r} makes {shape[1]} of {NOMINAL} pixels, which is not a whole fraction.",
                fix="Pad the window so that it divides the size by its stride.",
            )
        return shape, doubled

    def _words(self, node: str) -> str:
        (channels, height, width), scale = self._shapes[node], self.scale(node)
        return f"{channels} channels at " + (f"{height}x{width} pixels" if scale is None else f"1/{scale} of the image")
