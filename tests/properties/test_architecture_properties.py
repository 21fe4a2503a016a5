"""What holds for every architecture, size and malformed file."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.operation import INITIALISATIONS
from segport.domain.architecture.operations import FUNCTIONS, MODES, OPERATIONS, Activation
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise, mismatch
from segport.domain.errors import InvalidSpecError

unets = st.builds(
    UNet, deep_supervision=st.booleans(), head_kernel=st.sampled_from([1, 3, 5]), upsampling=st.sampled_from(MODES),
    dropout=st.sampled_from([0.0, 0.5]),
)  # fmt: skip
encoders = st.builds(Plain, width=st.integers(1, 6), depth=st.integers(2, 6))
counts = st.integers(1, 5)


@given(unet=unets, encoder=encoders, channels=counts, outputs=counts, height=counts, width=counts)
def test_outputs_have_the_images_size_for_every_multiple_of_the_stride(
    unet: UNet, encoder: Plain, channels: int, outputs: int, height: int, width: int
) -> None:
    graph = unet.graph(channels=channels, outputs=outputs, encoder=encoder)
    size = (height * graph.stride, width * graph.stride)
    shapes = graph.shapes(*size)
    assert all(shapes[name] == (outputs, *size) for name in graph.outputs)


@given(unet=unets, encoder=encoders)
def test_graphs_survive_json(unet: UNet, encoder: Plain) -> None:
    graph = unet.graph(channels=3, outputs=2, encoder=encoder)
    assert Graph.from_data(json.loads(json.dumps(graph.to_data()))) == graph


@settings(max_examples=20, deadline=None)
@given(unet=unets, seed=st.integers(0, 2**32))
def test_first_weights_always_fit(unet: UNet, seed: int) -> None:
    graph = unet.graph(channels=3, outputs=2, encoder=Plain(2, 3))
    assert mismatch(graph, initialise(graph, seed)) == []


numbers = st.integers() | st.integers(-2, 9) | st.floats() | st.booleans()
words = st.sampled_from(["image", "a", "b", "a.b", "", *FUNCTIONS, *MODES, *INITIALISATIONS]) | st.text(max_size=5)
kinds = st.sampled_from([operation.kind for operation in OPERATIONS]) | words
values = st.none() | numbers | words | st.lists(numbers, max_size=2)
field_names = st.sampled_from(
    ["channels", "kernel", "stride", "padding", "dilation", "groups", "bias", "function", "mode", "rate", "init"]
)
fields = st.dictionaries(field_names | words, values, max_size=3)
node_data = st.tuples(words, kinds, st.lists(words, max_size=3), fields)
start = st.just(["image", "input", [], {"channels": 3}])
near_graphs = st.fixed_dictionaries(
    {
        "nodes": st.tuples(start, node_data) | st.lists(node_data, max_size=3),
        "outputs": st.lists(words, max_size=2),
        "stride": numbers,
    }
)
anything = st.recursive(values, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))


@settings(max_examples=400)
@given(data=near_graphs | anything)
def test_data_is_a_graph_or_an_invalid_spec_and_nothing_else(data: Any) -> None:
    try:
        graph = Graph.from_data(data)
    except InvalidSpecError:
        return
    assert Graph.from_data(graph.to_data()) == graph
    assert graph.shapes(*graph.smallest_size()).keys() == {node.name for node in graph.nodes}


@given(place=st.integers(0, 10**6), part=st.integers(0, 3), value=anything)
def test_one_changed_part_never_gives_a_graph_that_fails_later(place: int, part: int, value: Any) -> None:
    data = UNet().graph(channels=3, outputs=2, encoder=Plain(2, 3)).to_data()
    data["nodes"][place % len(data["nodes"])][part] = value
    try:
        graph = Graph.from_data(data)
    except InvalidSpecError:
        return
    assert graph.weights()
    assert graph.shapes(*graph.smallest_size())


def test_data_that_is_a_graph_is_found_by_the_same_road() -> None:
    data = {
        "nodes": [["image", "input", [], {"channels": 3}], ["a", "activation", ["image"], {"function": "relu"}]],
        "outputs": ["a"],
        "stride": 1,
    }
    assert Graph.from_data(data).nodes[1].operation == Activation("relu")
