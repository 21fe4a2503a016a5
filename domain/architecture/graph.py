"""An architecture as data: named nodes in the order of computation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
from attrs import field, frozen

from ..errors import InvalidSpecError
from .checks import whole
from .native import Native
from .operation import Operation, WeightSpec
from .operations import OPERATIONS, Input
from .shapes import Shape

IMAGE = "image"
"""Name of every graph's input node."""

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")

_LONGEST = 200


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen
class Node:
    """One operation. ``name`` is also the prefix of its weights' names ("encoder.layer1.0.conv1")."""

    name: str = field()
    operation: Operation
    inputs: tuple[str, ...] = field(default=(), converter=_names)

    @name.validator
    def _check_name(self, attribute: attrs.Attribute[str], value: object) -> None:
        if not isinstance(value, str) or len(value) > _LONGEST or not _NAME.fullmatch(value):
            raise InvalidSpecError(
                f"A node's name is words of letters, digits and _ joined by dots, at most {_LONGEST} characters, not "
                f"{value!r}."
            )


@frozen
class Graph:
    """A checked graph: names unique, inputs defined before use, arities right, shapes that fit.

    ``outputs`` are logits at the image's size (a classifier's at one pixel), the main one first; more than one is deep
    supervision. ``stride`` is the multiple that height and width must have for every feature to line up. Raises
    InvalidSpecError with all problems.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...] = field(converter=_names)
    stride: int = field(default=1, validator=whole())

    def __attrs_post_init__(self) -> None:
        problems = list(_problems(self)) or list(_output_problems(self))
        if problems:
            raise InvalidSpecError("The graph is not valid.", problems=problems)

    @property
    def channels(self) -> int:
        """Channels of the image."""
        operation = self.nodes[0].operation
        assert isinstance(operation, Input)
        return operation.channels

    @property
    def native(self) -> Native | None:
        """The model that is one framework's own code; None where the graph is one that every backend runs."""
        return next((node.operation for node in self.nodes if isinstance(node.operation, Native)), None)

    def shapes(self, height: int, width: int) -> dict[str, Shape]:
        """(channels, height, width) of every node for one image of that size.

        Raises InvalidSpecError naming the node that cannot take it.
        """
        shapes: dict[str, Shape] = {IMAGE: (self.channels, height, width)}
        for node in self.nodes[1:]:
            try:
                shapes[node.name] = node.operation.shape([shapes[i] for i in node.inputs])
            except InvalidSpecError as error:
                fix = error.fix or f"Height and width must be multiples of {self.stride}."
                raise InvalidSpecError(f"Node {node.name!r}: {error.message}", fix=fix) from None
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
            "nodes": [[n.name, n.operation.kind, list(n.inputs), attrs.asdict(n.operation)] for n in self.nodes],
            "outputs": list(self.outputs),
            "stride": self.stride,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Graph:
        """Raises InvalidSpecError for anything that is not what ``to_data`` writes."""
        kinds = {operation.kind: operation for operation in OPERATIONS}
        try:
            nodes = (Node(name, kinds[kind](**values), inputs) for name, kind, inputs, values in data["nodes"])
            return cls(tuple(nodes), data["outputs"], data["stride"])
        except InvalidSpecError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise InvalidSpecError(f"This is not a graph segport knows: {str(error)[:200]}.") from None


def _problems(graph: Graph) -> Iterator[str]:
    """What is wrong with names and connections."""
    seen: set[str] = set()
    folders: set[str] = set()
    first = graph.nodes[0] if graph.nodes else None
    if first is None or first.name != IMAGE or not isinstance(first.operation, Input):
        yield f"the first node must be the input, named {IMAGE!r}"
    for node in graph.nodes:
        yield from _node_problems(node, seen)
        if node.name in folders or not seen.isdisjoint(_folders(node.name)):
            yield f"{node.name}: one name is the beginning of another, which no module tree can hold"
        seen.add(node.name)
        folders.update(_folders(node.name))
    yield from (f"output {name!r} is not a node" for name in graph.outputs if name not in seen)
    if not graph.outputs:
        yield "there is no output"


def _node_problems(node: Node, seen: set[str]) -> Iterator[str]:
    count = node.operation.count_problem(len(node.inputs))
    if count:
        yield f"{node.name}: {count}"
    yield from (f"{node.name}: its input {i!r} is not defined before it" for i in node.inputs if i not in seen)
    if node.name in seen:
        yield f"{node.name}: the name is taken"


def _folders(name: str) -> list[str]:
    """Every dotted beginning of a name: "a" and "a.b" of "a.b.c"."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _output_problems(graph: Graph) -> Iterator[str]:
    size = graph.smallest_size()
    shapes = graph.shapes(*size)
    for name in graph.outputs:
        if shapes[name][1:] not in (size, (1, 1)):
            yield f"output {name!r} makes {shapes[name][1:]} of a {size} image: it must keep the image's size"
    channels = {name: shapes[name][0] for name in graph.outputs}
    if len(set(channels.values())) > 1:
        yield f"outputs differ in channels: {channels}"
