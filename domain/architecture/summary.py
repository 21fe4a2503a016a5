"""A graph in words and numbers: a line a node, parameters, multiply-adds."""

from __future__ import annotations

import math

from attrs import frozen

from .graph import Graph
from .operations import Conv, Shape


@frozen
class Row:
    """One node: its operation, the (channels, height, width) it makes, trainable parameters, multiply-adds an image."""

    name: str
    kind: str
    shape: Shape
    parameters: int
    multiply_adds: int


def rows(graph: Graph, height: int, width: int) -> list[Row]:
    """A row a node for one image of that size. Multiply-adds are those of convolutions; the rest is negligible."""
    shapes = graph.shapes(height, width)
    result: list[Row] = []
    for node in graph.nodes:
        specs = node.operation.weights([shapes[i] for i in node.inputs])
        parameters = sum(math.prod(spec.shape) for spec in specs if spec.trainable)
        pixels = math.prod(shapes[node.name][1:])
        adds = math.prod(specs[0].shape) * pixels if isinstance(node.operation, Conv) else 0
        result.append(Row(node.name, node.operation.kind, shapes[node.name], parameters, adds))
    return result


def parameter_count(graph: Graph) -> int:
    """Trainable parameters: running statistics are not counted."""
    return sum(math.prod(spec.shape) for spec in graph.weights().values() if spec.trainable)


def multiply_adds(graph: Graph, height: int, width: int) -> int:
    """Multiplications (each with an addition) of all convolutions for one image; twice that in FLOPs."""
    return sum(row.multiply_adds for row in rows(graph, height, width))


def summarise(graph: Graph, height: int, width: int) -> str:
    """A printable table of every node and the totals, for one image of that size."""
    table = rows(graph, height, width)
    cells = [("node", "operation", "channels x height x width", "parameters", "multiply-adds")]
    cells += [
        (r.name, r.kind, " x ".join(map(str, r.shape)), f"{r.parameters:,}", f"{r.multiply_adds:,}") for r in table
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    lines = [_line(row, widths) for row in cells]
    total, adds = parameter_count(graph), multiply_adds(graph, height, width)
    lines.insert(1, "-" * len(lines[0]))
    lines.append(
        f"{len(table)} nodes, {total:,} parameters, {adds / 1e9:.2f} G multiply-adds for {height} x {width} pixels"
    )
    return "\n".join(lines)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join([*words, *numbers])
