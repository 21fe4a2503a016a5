"""What an operation accepts, makes of shapes, and holds."""

from __future__ import annotations

import pytest

from segport.domain.architecture import operations as op
from segport.domain.architecture.shapes import Shape
from segport.domain.errors import InvalidSpecError

BAD_FIELDS = [
    (op.Input, {"channels": 0}),
    (op.Input, {"channels": True}),
    (op.Input, {"channels": 10**30}),
    (op.Conv, {"channels": 8, "kernel": 0}),
    (op.Conv, {"channels": 8, "stride": -1}),
    (op.Conv, {"channels": 8, "padding": 1.5}),
    (op.Conv, {"channels": "8"}),
    (op.Conv, {"channels": 8, "bias": 1}),
    (op.Conv, {"channels": 8, "init": "magic"}),
    (op.Norm, {"epsilon": 0.0}),
    (op.Norm, {"epsilon": float("nan")}),
    (op.Norm, {"momentum": 2}),
    (op.LayerNorm, {"epsilon": 0}),
    (op.Activation, {"function": "softplus"}),
    (op.Activation, {"function": ["relu"]}),
    (op.MaxPool, {"kernel": 2, "padding": 2}),
    (op.Resize, {"mode": "bicubic"}),
    (op.Attention, {"heads": 0}),
    (op.Attention, {"heads": 2.0}),
    (op.Dropout, {"rate": 1.0}),
    (op.Dropout, {"rate": False}),
    (op.GridPool, {"size": 0}),
]


@pytest.mark.parametrize(("operation", "fields"), BAD_FIELDS)
def test_a_field_out_of_range_is_refused_by_name_and_value(
    operation: type[op.Operation], fields: dict[str, object]
) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        operation(**fields)
    name, value = list(fields.items())[-1]
    assert operation.__name__ in str(caught.value)
    assert name in str(caught.value)
    assert str(value)[:10] in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "inputs", "expected"),
    [
        (op.Conv(8, 3, padding=1), [(3, 9, 7)], (8, 9, 7)),
        (op.Conv(8, 7, stride=2, padding=3), [(3, 8, 7)], (8, 4, 4)),
        (op.Conv(8, 3, dilation=2), [(3, 9, 7)], (8, 5, 3)),
        (op.MaxPool(), [(3, 9, 7)], (3, 4, 3)),
        (op.MaxPool(3, 2, 1), [(3, 9, 8)], (3, 5, 4)),
        (op.GlobalPool(), [(3, 9, 7)], (3, 1, 1)),
        (op.GridPool(6), [(3, 9, 4)], (3, 6, 6)),
        (op.Average(), [(3, 9, 7), (3, 9, 7)], (3, 9, 7)),
        (op.Resize(), [(3, 9, 7), (5, 4, 2)], (3, 4, 2)),
        (op.Concat(), [(3, 9, 7), (5, 9, 7), (1, 9, 7)], (9, 9, 7)),
        (op.Add(), [(3, 9, 7), (3, 9, 7)], (3, 9, 7)),
        (op.Multiply(), [(3, 9, 7), (3, 1, 1)], (3, 9, 7)),
        (op.Attention(2), [(4, 9, 7), (4, 3, 2), (4, 3, 2)], (4, 9, 7)),
        (op.Dropout(), [(3, 9, 7)], (3, 9, 7)),
    ],
)
def test_an_operation_knows_the_shape_it_makes(operation: op.Operation, inputs: list[Shape], expected: Shape) -> None:
    assert operation.shape(inputs) == expected


@pytest.mark.parametrize(
    ("operation", "inputs", "words"),
    [
        (op.Conv(8, 5), [(3, 4, 9)], "window of 5"),
        (op.Conv(8, groups=3), [(3, 9, 9)], "3 groups do not divide 3 -> 8"),
        (op.Conv(9, groups=3), [(4, 9, 9)], "3 groups do not divide 4 -> 9"),
        (op.MaxPool(), [(3, 1, 4)], "window of 2"),
        (op.Concat(), [(3, 9, 7), (3, 9, 8)], "one height and width"),
        (op.Add(), [(3, 9, 7), (4, 9, 7)], "one shape"),
        (op.Average(), [(3, 9, 7), (3, 9, 8)], "average needs inputs of one shape"),
        (op.Multiply(), [(3, 9, 7), (4, 1, 1)], "one shape"),
        (op.Attention(2), [(4, 9, 7), (4, 3, 2), (4, 3, 1)], "attention needs inputs of one shape"),
        (op.Attention(2), [(4, 9, 7), (6, 3, 2), (6, 3, 2)], "attention of 2 heads.*not 4 and 6"),
        (op.Attention(3), [(4, 9, 7), (4, 3, 2), (4, 3, 2)], "attention of 3 heads.*not 4 and 4"),
    ],
)
def test_inputs_that_cannot_be_combined_are_refused(operation: op.Operation, inputs: list[Shape], words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        operation.shape(inputs)


def test_a_grouped_convolution_holds_a_slice_of_the_input_channels() -> None:
    weight, bias = op.Conv(6, 5, groups=3, bias=True).weights([(9, 8, 8)])
    assert (weight.suffix, weight.shape, bias.suffix, bias.shape) == ("weight", (6, 3, 5, 5), "bias", (6,))


def test_a_norm_holds_four_arrays_and_trains_two() -> None:
    specs = op.Norm(zero_gamma=True).weights([(9, 8, 8)])
    assert [(s.suffix, s.shape, s.init, s.trainable) for s in specs] == [
        ("weight", (9,), "zeros", True),
        ("bias", (9,), "zeros", True),
        ("running_mean", (9,), "zeros", False),
        ("running_var", (9,), "ones", False),
    ]


def test_a_layer_norm_and_a_layer_scale_hold_a_number_a_channel() -> None:
    norm, scale = op.LayerNorm().weights([(9, 8, 8)]), op.LayerScale().weights([(9, 8, 8)])
    assert [(s.suffix, s.shape, s.init) for s in norm] == [("weight", (9,), "ones"), ("bias", (9,), "zeros")]
    assert [(s.suffix, s.shape, s.init) for s in scale] == [("weight", (9,), "tiny")]


def test_attention_holds_nothing_and_costs_two_products_of_all_pixels_with_all_others() -> None:
    inputs = [(4, 9, 7), (4, 3, 2), (4, 3, 2)]
    assert op.Attention(2).weights(inputs) == ()
    scores, means = (9 * 7) * 4 * (3 * 2), (9 * 7) * (3 * 2) * 4
    assert op.Attention(2).multiply_adds(inputs) == scores + means
    assert op.Attention(1).multiply_adds(inputs) == scores + means
    assert op.Add().multiply_adds(inputs) == 0


def test_every_operation_has_a_kind_of_its_own() -> None:
    kinds = [operation.kind for operation in op.OPERATIONS]
    assert all(kinds)
    assert len(set(kinds)) == len(kinds)
