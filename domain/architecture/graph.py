"""An architecture as data: named nodes in the order of computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from ..errors import InvalidSpecError
from .operations import OPERATIONS, Input, Operation, Shape, WeightSpec

IMAGE = "image"
"""Name of every graph's input node."""


@frozen
class Node:
    """One operation. ``name`` is also the prefix of its weights' names ("encoder.layer1.0.conv1")."""

    name: str
    operation: Operation
    inputs: tuple[str, ...] = ()


@frozen
class Graph:
    """A checked graph: names unique, inputs defined before use, arities right.

    ``outputs`` are logits at the image's size, the main one first; more than one is deep supervision. ``stride`` is the
    multiple that height and width must have for every feature to line up.
    """

    nodes: tuple[Node, ...] = field(converter=tuple)
    outputs: tuple[str, ...] = field(converter=tuple)
    stride: int = 1

    def __attrs_post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise InvalidSpecError("The graph is not valid.", problems=problems)

    @property
    def channels(self) -> int:
        """Channels of the image."""
        operation = self.nodes[0].operation
        assert isinstance(operation, Input)
        return operation.channels

    def shapes(self, height: int, width: int) -> dict[str, Shape]:
        """(channels, height, width) of every node for one image of that size. Raises InvalidSpecError naming the node."""
        shapes: dict[str, Shape] = {IMAGE: (self.channels, height, width)}
        for node in self.nodes[1:]:
            try:
                shapes[node.name] = node.operation.shape([shapes[i] for i in node.inputs])
            except InvalidSpecError as error:
                raise InvalidSpecError(f"Node {node.name!r}: {error.message}", fix=error.fix) from None
        return shapes

    def weights(self) -> dict[str, WeightSpec]:
        """Every array by canonical name, in order of nodes."""
        shapes = self.shapes(*self.smallest_size())
        return {
            f"{node.name}.{spec.suffix}": spec
            for node in self.nodes
            for spec in node.operation.weights([shapes[i] for i in node.inputs])
        }

    def smallest_size(self) -> tuple[int, int]:
        """A (height, width) that every node can take: one stride."""
        return (self.stride, self.stride)

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values; ``from_data`` is the inverse."""
        return {
            "nodes": [
                [n.name, n.operation.kind, list(n.inputs), attrs.asdict(n.operation)] for n in self.nodes
            ],
            "outputs": list(self.outputs),
            "stride": self.stride,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Graph:
        """Raises InvalidSpecError for anything that is not what ``to_data`` writes."""
        kinds = {operation.kind: operation for operation in OPERATIONS}
        try:
            nodes = [Node(name, kinds[kind](**values), tuple(inputs)) for name, kind, inputs, values in data["nodes"]]
            return cls(nodes, data["outputs"], data["stride"])
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidSpecError):
                raise
            raise InvalidSpecError(f"This is not a graph segport knows: {error!r}.") from None


def _problems(graph: Graph) -> Sequence[str]:
    problems: list[str] = []
    seen: set[str] = set()
    first = graph.nodes[0] if graph.nodes else None
    if first is None or first.name != IMAGE or not isinstance(first.operation, Input):
        return [f"the first node must be the input, named {IMAGE!r}"]
    for node in graph.nodes:
        arity = node.operation.arity
        count = len(node.inputs)
        if (arity is None and count < 2) or (arity is not None and count != arity):
            problems.append(f"{node.name}: {node.operation.kind} takes {arity or '2 or more'} inputs, not {count}")
        problems += [f"{node.name}: its input {i!r} is not defined before it" for i in node.inputs if i not in seen]
        if node.name in seen:
            problems.append(f"{node.name}: the name is taken")
        seen.add(node.name)
    problems += [f"output {name!r} is not a node" for name in graph.outputs if name not in seen]
    if not graph.outputs:
        problems.append("there is no output")
    return problems
