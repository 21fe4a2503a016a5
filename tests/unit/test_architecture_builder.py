"""Drawing a graph: channels, scales, and mistakes told where they are made."""

from __future__ import annotations

import pytest

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import (
    Activation,
    Add,
    Concat,
    Conv,
    GlobalPool,
    GridPool,
    MaxPool,
    Multiply,
    Norm,
    Resize,
)
from segport.domain.errors import InvalidSpecError


def test_channels_and_scale_are_known_at_every_node() -> None:
    builder = GraphBuilder(1)
    stem = builder.conv_norm_act(IMAGE, 6, name="stem", kernel=7, stride=2)
    pooled = builder.add(MaxPool(3, 3, 1), stem, name="pooled")
    gate = builder.add(GlobalPool(), pooled, name="gate")
    gated = builder.add(Multiply(), pooled, gate, name="gated")
    up = builder.add(Resize(), gated, IMAGE, name="up")
    assert [builder.scale(n) for n in (IMAGE, stem, pooled, gate, gated, up)] == [1, 2, 6, None, 6, 1]
    assert [builder.channels(n) for n in (IMAGE, stem, pooled, up)] == [1, 6, 6, 6]


@pytest.mark.parametrize(("strides", "expected"), [((), 1), ((2,), 2), ((2, 2, 2), 8), ((3, 2), 6)])
def test_the_stride_is_what_all_scales_divide(strides: tuple[int, ...], expected: int) -> None:
    builder = GraphBuilder(3)
    node = IMAGE
    for i, stride in enumerate(strides):
        node = builder.add(Conv(4, stride=stride, padding=1), node, name=f"c{i}")
    output = builder.add(Resize(), node, IMAGE, name="up")
    assert builder.build([output]).stride == expected


def test_branches_of_unlike_scales_need_a_multiple_of_both() -> None:
    builder = GraphBuilder(3)
    branches = [builder.add(MaxPool(step, step), IMAGE, name=f"by{step}") for step in (2, 3)]
    ups = [builder.add(Resize(), branch, IMAGE, name=f"{branch}_up") for branch in branches]
    assert builder.build([builder.add(Add(), *ups, name="sum")]).stride == 6


def test_what_has_its_own_size_has_no_scale_and_none_of_its_neighbours_stride() -> None:
    builder = GraphBuilder(3)
    grid = builder.add(Conv(4, 3, padding=1), builder.add(GridPool(7), IMAGE, name="grid"), name="conv")
    assert builder.scale(grid) is None
    assert builder.build([builder.add(Resize(), grid, IMAGE, name="up")]).stride == 1
    with pytest.raises(InvalidSpecError, match="'conv' is 4 channels at 7x7 pixels"):
        builder.add(Concat(), grid, IMAGE, name="join")


def test_nodes_that_no_output_needs_are_left_out() -> None:
    builder = GraphBuilder(3)
    first = builder.add(Conv(4, padding=1), IMAGE, name="first")
    builder.add(MaxPool(4, 4), first, name="aside")
    graph = builder.build([builder.add(Activation(), first, name="last")])
    assert [node.name for node in graph.nodes] == [IMAGE, "first", "last"]
    assert graph.stride == 1


def test_a_convolution_with_its_norm_and_activation_has_three_names() -> None:
    builder = GraphBuilder(3)
    last = builder.conv_norm_act(IMAGE, 6, name="block", function="silu")
    graph = builder.build([last])
    assert [(n.name, n.operation) for n in graph.nodes[1:]] == [
        ("block.conv", Conv(6, padding=1)),
        ("block.norm", Norm()),
        ("block.act", Activation("silu")),
    ]


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 2), (5, 3), (7, 1)])
def test_conv_norm_keeps_the_size(kernel: int, dilation: int) -> None:
    builder = GraphBuilder(3)
    node = builder.conv_norm(IMAGE, 6, conv="c", norm="n", kernel=kernel, dilation=dilation)
    assert builder.scale(node) == 1


def test_a_taken_name_and_an_unknown_input_are_told_together() -> None:
    builder = GraphBuilder(3)
    builder.add(Activation(), IMAGE, name="a")
    with pytest.raises(InvalidSpecError) as caught:
        builder.add(Add(), IMAGE, "nowhere", name="a")
    assert "name is taken" in str(caught.value)
    assert "'nowhere'" in str(caught.value)


def test_features_that_do_not_line_up_are_described() -> None:
    builder = GraphBuilder(3)
    pooled = builder.add(MaxPool(), IMAGE, name="pooled")
    with pytest.raises(InvalidSpecError) as caught:
        builder.add(Concat(), pooled, IMAGE, name="join")
    assert "Node 'join'" in str(caught.value)
    assert "'pooled' is 3 channels at 1/2 of the image" in str(caught.value)
    assert "'image' is 3 channels at 1/1 of the image" in str(caught.value)


def test_channels_that_cannot_be_added_are_described() -> None:
    builder = GraphBuilder(3)
    wide = builder.add(Conv(8, 1), IMAGE, name="wide")
    with pytest.raises(InvalidSpecError, match="8 channels at 1/1"):
        builder.add(Add(), wide, IMAGE, name="sum")


def test_a_size_that_is_no_whole_fraction_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="not a whole fraction"):
        GraphBuilder(3).add(Conv(8, 3), IMAGE, name="valid")


@pytest.mark.parametrize("inputs", [(), (IMAGE, IMAGE)])
def test_the_number_of_inputs_is_checked(inputs: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSpecError, match=f"takes 1 input, not {len(inputs)}"):
        GraphBuilder(3).add(Activation(), *inputs, name="a")


def test_a_sum_of_one_is_refused() -> None:
    with pytest.raises(InvalidSpecError, match="2 or more"):
        GraphBuilder(3).add(Add(), IMAGE, name="a")
