"""Counting and showing a graph."""

from __future__ import annotations

from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.summary import multiply_adds, parameter_count, rows
from segport.domain.architecture.unet import UNet


def test_rows_are_one_a_node_and_add_up() -> None:
    graph = UNet().graph(channels=3, outputs=2, encoder=Plain(4, 3))
    table = rows(graph, 32, 64)
    assert [row.name for row in table] == [node.name for node in graph.nodes]
    assert sum(row.parameters for row in table) == parameter_count(graph)
    assert sum(row.multiply_adds for row in table) == multiply_adds(graph, 32, 64)


def test_a_convolution_costs_its_kernel_at_every_pixel() -> None:
    graph = UNet().graph(channels=3, outputs=2, encoder=Plain(4, 2))
    row = next(row for row in rows(graph, 32, 64) if row.name == "encoder.stage1.0.conv")
    assert row.shape == (8, 16, 32)
    assert row.parameters == 8 * 4 * 9
    assert row.multiply_adds == 8 * 4 * 9 * 16 * 32


def test_a_resnet_18_costs_what_is_published() -> None:
    # torchvision.models.ResNet18_Weights: 1.81 G multiply-adds at 224 x 224, of which the linear layer's are 0.5 M.
    graph = UNet().graph(channels=3, outputs=1, encoder=ResNet18())
    encoder = sum(row.multiply_adds for row in rows(graph, 224, 224) if row.name.startswith("encoder."))
    assert round(encoder / 1e9, 2) == 1.81
