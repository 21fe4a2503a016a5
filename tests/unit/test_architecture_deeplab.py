"""DeepLabV3 and DeepLabV3+: torchvision's names and counts, rates, output strides."""

from __future__ import annotations

import pytest

from segport.domain.architecture.deeplabv3 import DeepLabV3
from segport.domain.architecture.deeplabv3plus import DeepLabV3Plus
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet50, ResNet101
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.operations import Concat, Conv, Dropout
from segport.domain.architecture.summary import multiply_adds, parameter_count
from segport.domain.architecture.transfer import transfer
from segport.domain.architecture.weights import initialise
from segport.domain.errors import InvalidSpecError

RESNET = ResNet50()
NORM = ("weight", "bias", "running_mean", "running_var")


def drawn(model: DeepLabV3 | DeepLabV3Plus, encoder: object = RESNET, outputs: int = 21) -> Graph:
    return model.graph(channels=3, outputs=outputs, encoder=encoder)  # type: ignore[arg-type]


def dilations(graph: Graph, prefix: str) -> list[int]:
    convolutions = [n.operation for n in graph.nodes if n.name.startswith(prefix) and isinstance(n.operation, Conv)]
    return [c.dilation for c in convolutions if c.kernel == 3]


@pytest.mark.parametrize(("encoder", "parameters"), [(ResNet50(), 42_004_074), (ResNet101(), 60_996_202)])
def test_with_its_auxiliary_head_it_has_torchvisions_number_of_parameters(encoder: object, parameters: int) -> None:
    # deeplabv3_resnet50 and deeplabv3_resnet101, as torchvision's documentation counts them.
    assert parameter_count(drawn(DeepLabV3(auxiliary=True), encoder)) == parameters


def test_classifiers_have_torchvisions_parameter_names() -> None:
    convs = ["0.0", "1.0", "2.0", "3.0", "4.1"]
    norms = ["0.1", "1.1", "2.1", "3.1", "4.2"]
    kernels = [
        *(f"classifier.0.convs.{c}" for c in convs),
        "classifier.0.project.0",
        "classifier.1",
        "aux_classifier.0",
    ]
    normed = [*(f"classifier.0.convs.{n}" for n in norms), "classifier.0.project.1", "classifier.2", "aux_classifier.1"]
    expected = {
        *(f"{name}.weight" for name in kernels),
        *(f"{name}.{part}" for name in normed for part in NORM),
        *(f"{name}.{part}" for name in ("classifier.4", "aux_classifier.4") for part in ("weight", "bias")),
    }
    names = drawn(DeepLabV3(auxiliary=True)).weights()
    assert {name for name in names if not name.startswith("encoder.")} == expected


def test_torchvisions_weights_are_taken_over_whole() -> None:
    initial = initialise(drawn(DeepLabV3(8, auxiliary=True), Plain(4, 3)), 0)
    published = {name.replace("encoder.", "backbone."): array + 1 for name, array in initial.items()}
    moved = transfer(initial, published)
    assert moved.reinitialised == moved.left_over == ()
    assert set(moved.matched) == set(initial)
    assert (moved.weights["encoder.stage0.0.conv.weight"] == initial["encoder.stage0.0.conv.weight"] + 1).all()


def test_for_other_classes_the_last_layers_alone_begin_anew() -> None:
    source = initialise(drawn(DeepLabV3(8, auxiliary=True), Plain(4, 3)), 0)
    moved = transfer(initialise(drawn(DeepLabV3(8, auxiliary=True), Plain(4, 3), outputs=6), 1), source)
    assert set(moved.reinitialised) == {
        f"{head}.4.{p}" for head in ("classifier", "aux_classifier") for p in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (ResNet18(), [6, 12, 18]),
        (ResNet18(output_stride=16), [6, 12, 18]),
        (ResNet18(output_stride=8), [12, 24, 36]),
        (ResNet18(output_stride=32), [6, 12, 18]),
        (Plain(4, 3), [12, 24, 36]),
    ],
)
def test_rates_are_the_papers_for_the_output_stride(encoder: object, expected: list[int]) -> None:
    assert dilations(drawn(DeepLabV3(), encoder), "classifier.0.convs") == expected
    assert dilations(drawn(DeepLabV3Plus(), encoder), "decoder.aspp.convs") == expected


def test_rates_may_be_given_and_their_number_too() -> None:
    model = DeepLabV3(rates=[2, 5])  # type: ignore[arg-type]
    assert dilations(drawn(model, Plain(4, 3)), "classifier.0.convs") == [2, 5]
    with pytest.raises(InvalidSpecError, match="DeepLabV3: rates"):
        DeepLabV3(rates=(0, 4))


def test_the_auxiliary_head_sees_the_last_feature_but_one_and_is_the_second_output() -> None:
    graph = drawn(DeepLabV3(auxiliary=True))
    sources = {node.name: node.inputs for node in graph.nodes}
    assert graph.outputs == ("classifier.4_resize", "aux_classifier.4_resize")
    assert sources["aux_classifier.0"] == ("encoder.layer3.5.relu",)
    assert graph.shapes(64, 96)["aux_classifier.4"] == (21, 4, 6)
    assert drawn(DeepLabV3()).outputs == ("classifier.4_resize",)


def test_without_dropout_there_is_no_such_node() -> None:
    assert not [n for n in drawn(DeepLabV3(dropout=0.0)).nodes if isinstance(n.operation, Dropout)]
    assert [n.name for n in drawn(DeepLabV3()).nodes if isinstance(n.operation, Dropout)] == ["classifier.0.project.3"]


@pytest.mark.parametrize(
    ("encoder", "fine"),
    [
        (ResNet18(), "encoder.layer1.1.relu"),
        (Plain(4, 5), "encoder.stage2.1.act"),
        (Plain(4, 2), "encoder.stage0.1.act"),
    ],
)
def test_the_decoder_joins_the_feature_at_a_quarter_or_the_next_finer(encoder: object, fine: str) -> None:
    graph = drawn(DeepLabV3Plus(), encoder)
    joins = {node.name: node.inputs for node in graph.nodes if isinstance(node.operation, Concat)}
    assert joins["decoder.concat"] == ("decoder.resize", "decoder.fine.act")
    assert {node.name: node.inputs for node in graph.nodes}["decoder.fine.conv"] == (fine,)


def test_separable_convolutions_have_as_many_parameters_as_two_factors_have() -> None:
    whole, parts = (parameter_count(drawn(DeepLabV3Plus(separable=s), Plain(4, 4), 2)) for s in (False, True))
    inputs = [32, 32, 32, 256 + 48, 256]
    assert whole - parts == sum(9 * n * 256 - (9 * n + n * 256) for n in inputs)
    graphs = [drawn(DeepLabV3Plus(separable=s), ResNet50()) for s in (False, True)]
    assert multiply_adds(graphs[0], 256, 256) > 1.5 * multiply_adds(graphs[1], 256, 256)


@pytest.mark.parametrize(
    ("model", "words"), [(DeepLabV3(auxiliary=True), "at least 2 features"), (DeepLabV3Plus(), "at least 2 features")]
)
def test_an_encoder_with_one_feature_has_nothing_to_join(model: DeepLabV3 | DeepLabV3Plus, words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        drawn(model, Plain(4, 1))
    assert drawn(DeepLabV3(), Plain(4, 1)).outputs == ("classifier.4",)
