"""A graph in numbers: shapes, parameters and multiply-adds of its nodes."""

from __future__ import annotations

import math

from attrs import frozen

from .graph import Graph
from .shapes import Shape


@frozen
class Row:
    """One node: its operation, the (channels, height, width) it makes, trainable parameters, multiply-adds an image."""

    name: str
    kind: str
    shape: Shape
    parameters: int
    multiply_adds: int


def rows(graph: Graph, height: int, width: int) -> list[Row]:
    """A row a node for one image of that size. Multiply-adds are those of convolutions and attention."""
    shapes = graph.shapes(height, width)
    result: list[Row] = []
    for node in graph.nodes:
        inputs = [shapes[i] for i in node.inputs]
        parameters = sum(math.prod(spec.shape) for spec in node.operation.weights(inputs) if spec.trainable)
        adds = node.operation.multiply_adds(inputs)
        result.append(Row(node.name, node.operation.kind, shapes[node.name], parameters, adds))
    return result


def parameter_count(graph: Graph) -> int:
    """Trainable parameters: running statistics are not counted."""
    return sum(math.prod(spec.shape) for spec in graph.weights().values() if spec.trainable)


def multiply_adds(graph: Graph, height: int, width: int) -> int:
    """Multiplications (each with an addition) of convolutions and attention for one image; twice that in FLOPs."""
    return sum(row.multiply_adds for row in rows(graph, height, width))
