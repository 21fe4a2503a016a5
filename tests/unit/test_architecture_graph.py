"""What makes a graph valid, and what happens to one that is not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from segport.domain.architecture.graph import IMAGE, Graph, Node
from segport.domain.architecture.operations import Activation, Add, Concat, Conv, Input, MaxPool, Resize
from segport.domain.errors import InvalidSpecError

START = Node(IMAGE, Input(3))


def pyramid() -> Graph:
    """A convolution, a pool, and the way back."""
    return Graph(
        (
            START,
            Node("stem.conv", Conv(4, padding=1), (IMAGE,)),
            Node("stem.pool", MaxPool(), ("stem.conv",)),
            Node("up", Resize(), ("stem.pool", IMAGE)),
            Node("join", Concat(), ("up", "stem.conv")),
            Node("head", Conv(2, 1, bias=True), ("join",)),
        ),
        ("head",),
        2,
    )


def problems(nodes: tuple[Node, ...], outputs: tuple[str, ...]) -> str:
    with pytest.raises(InvalidSpecError) as caught:
        Graph(nodes, outputs)
    return str(caught.value)


def test_shapes_follow_the_image() -> None:
    shapes = pyramid().shapes(6, 10)
    assert shapes["stem.pool"] == (4, 3, 5)
    assert shapes["join"] == (8, 6, 10)
    assert shapes["head"] == (2, 6, 10)


def test_weights_are_named_after_their_nodes_in_order() -> None:
    assert {name: spec.shape for name, spec in pyramid().weights().items()} == {
        "stem.conv.weight": (4, 3, 3, 3),
        "head.weight": (2, 8, 1, 1),
        "head.bias": (2,),
    }


def test_a_graph_survives_json() -> None:
    graph = pyramid()
    assert Graph.from_data(json.loads(json.dumps(graph.to_data()))) == graph


def test_the_node_that_cannot_take_a_size_is_named_with_the_multiple() -> None:
    down = Node("down", Conv(3, stride=2, padding=1), (IMAGE,))
    pooled = Node("pooled", MaxPool(), (IMAGE,))
    graph = Graph((START, down, pooled, Node("sum", Add(), ("down", "pooled")),
                   Node("up", Resize(), ("sum", IMAGE))), ("up",), 2)  # fmt: skip
    with pytest.raises(InvalidSpecError, match=r"'sum'(.|\n)*multiples of 2"):
        graph.shapes(5, 4)


def test_all_problems_of_connection_are_told_at_once() -> None:
    text = problems(
        (START, Node("a", Activation(), ("b",)), Node("a", Add(), (IMAGE,)), Node("c", Resize(), (IMAGE,))), ("z",)
    )
    for words in (
        "input 'b' is not defined before it",
        "a: the name is taken",
        "add takes 2 or more inputs, not 1",
        "resize takes 2 inputs, not 1",
        "output 'z' is not a node",
    ):
        assert words in text


@pytest.mark.parametrize("nodes", [(), (Node("start", Input(3)),), (Node(IMAGE, Activation()),)])
def test_the_first_node_must_be_the_image(nodes: tuple[Node, ...]) -> None:
    assert "the first node must be the input" in problems(nodes, (IMAGE,))


def test_there_must_be_an_output() -> None:
    assert "there is no output" in problems((START,), ())


@pytest.mark.parametrize("names", [("a", "a.b"), ("a.b", "a"), ("a.b.c", "a")])
def test_no_name_begins_another(names: tuple[str, str]) -> None:
    nodes = tuple(Node(name, Activation(), (IMAGE,)) for name in names)
    assert "beginning of another" in problems((START, *nodes), (names[0],))


@pytest.mark.parametrize("name", ["", ".", "a.", "a..b", "a b", "a/b", "ä", 3, None, "a\n"])
def test_a_name_is_words_joined_by_dots(name: Any) -> None:
    with pytest.raises(InvalidSpecError, match="letters, digits"):
        Node(name, Activation(), (IMAGE,))


def test_an_output_keeps_the_images_size() -> None:
    with pytest.raises(InvalidSpecError, match="must keep the image's size"):
        Graph((START, Node("p", MaxPool(), (IMAGE,))), ("p",), 4)


def test_outputs_have_one_number_of_channels() -> None:
    nodes = (START, Node("a", Conv(2, 1), (IMAGE,)), Node("b", Conv(4, 1), (IMAGE,)))
    assert "differ in channels: {'a': 2, 'b': 4}" in problems(nodes, ("a", "b"))


def edited(*path: Any, value: Any) -> Any:
    data = copy.deepcopy(pyramid().to_data())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


HOSTILE = {
    "nothing": None,
    "a list": [],
    "an empty table": {},
    "a text": "graph",
    "no nodes": {"nodes": [], "outputs": [], "stride": 1},
    "nodes of text": {"nodes": "abcd", "outputs": ["a"], "stride": 1},
    "unknown kind": edited("nodes", 1, 1, value="exec"),
    "kind that is a list": edited("nodes", 1, 1, value=["conv"]),
    "unknown field": edited("nodes", 1, 3, "code", value="1"),
    "dunder field": edited("nodes", 1, 3, "__class__", value="1"),
    "fields that are a list": edited("nodes", 1, 3, value=[1, 2]),
    "field name that is not text": edited("nodes", 1, 3, value={1: 2}),
    "negative kernel": edited("nodes", 1, 3, "kernel", value=-3),
    "huge channels": edited("nodes", 1, 3, "channels", value=10**400),
    "float channels": edited("nodes", 1, 3, "channels", value=4.0),
    "missing channels": edited("nodes", 1, 3, value={}),
    "node too short": edited("nodes", 1, value=["a", "conv"]),
    "node that is a number": edited("nodes", 1, value=7),
    "inputs that are a number": edited("nodes", 1, 2, value=7),
    "inputs that are lists": edited("nodes", 1, 2, value=[["image"]]),
    "input from later": edited("nodes", 1, 2, value=["head"]),
    "name that is a list": edited("nodes", 1, 0, value=["a"]),
    "second input": edited("nodes", 1, value=["other", "input", [], {"channels": 3}]),
    "outputs that are a number": edited("outputs", value=3),
    "outputs that are lists": edited("outputs", value=[["head"]]),
    "stride zero": edited("stride", value=0),
    "stride that is text": edited("stride", value="2"),
    "huge stride": edited("stride", value=10**30),
    "stride too small": edited("stride", value=1),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_data_is_refused_readably(data: Any) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        Graph.from_data(data)
    assert len(str(caught.value)) < 1000
