"""FPN, PSPNet and LinkNet: what they join, and what their options draw."""

from __future__ import annotations

import pytest

from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet34, ResNet50
from segport.domain.architecture.fpn import FPN
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.linknet import LinkNet
from segport.domain.architecture.operations import Add, Dropout, GridPool
from segport.domain.architecture.pspnet import PSPNet
from segport.domain.architecture.summary import parameter_count
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Architecture, Encoder

RESNET = ResNet18()


def drawn(model: Architecture, encoder: Encoder = RESNET, outputs: int = 1) -> Graph:
    return model.graph(channels=3, outputs=outputs, encoder=encoder)


def inputs(graph: Graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in graph.nodes}


def test_an_fpn_has_the_usual_number_of_parameters() -> None:
    # As segmentation_models_pytorch counts FPN('resnet34', classes=1).
    assert parameter_count(drawn(FPN(), ResNet34())) == 23_155_393


def test_an_fpns_levels_are_the_last_four_features_from_coarse_to_fine() -> None:
    found, shapes = inputs(drawn(FPN())), drawn(FPN()).shapes(64, 96)
    assert [found[f"decoder.lateral{i}"] for i in range(4)] == [(f"encoder.layer{i}.1.relu",) for i in (1, 2, 3, 4)]
    assert found["decoder.level2"] == ("decoder.lateral2", "decoder.above2")
    assert found["decoder.above2"] == ("decoder.lateral3", "decoder.lateral2")
    assert found["decoder.above0"] == ("decoder.level1", "decoder.lateral0")
    assert shapes["decoder.merged"] == (128, 16, 24)
    assert shapes["head_resize"] == (1, 64, 96)


def test_an_fpns_branches_convolve_once_for_each_doubling_and_at_least_once() -> None:
    names = inputs(drawn(FPN()))
    steps = [sum(f"decoder.branch{i}.{step}.conv" in names for step in range(4)) for i in range(4)]
    assert steps == [1, 1, 2, 3]
    assert names["decoder.merged"] == (
        "decoder.branch0.0.act", *(f"decoder.branch{i}.{i - 1}.resize" for i in (1, 2, 3)),
    )  # fmt: skip


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_an_fpn_takes_the_features_there_are(depth: int) -> None:
    graph = drawn(FPN(), Plain(2, depth))
    assert sum(f"decoder.lateral{i}" in inputs(graph) for i in range(6)) == min(4, depth)
    assert graph.shapes(64, 64)[graph.outputs[0]] == (1, 64, 64)


def test_a_pspnet_joins_its_feature_with_means_over_four_grids() -> None:
    graph = drawn(PSPNet())
    shapes, operations = graph.shapes(64, 96), {node.name: node.operation for node in graph.nodes}
    assert graph.stride == 8
    assert [operations[f"decoder.level{i}.pool"] for i in range(4)] == [GridPool(n) for n in (1, 2, 3, 6)]
    assert [shapes[f"decoder.level{i}.pool"] for i in range(4)] == [(512, n, n) for n in (1, 2, 3, 6)]
    assert inputs(graph)["decoder.concat"] == ("encoder.layer4.1.relu", *(f"decoder.level{i}.resize" for i in range(4)))
    assert shapes["decoder.concat"] == (1024, 8, 12)
    assert operations["head_dropout"] == Dropout(0.1)


def test_a_pspnet_has_the_parameters_of_the_papers_pyramid() -> None:
    # 2048 channels, four 1x1 to 512 each, 3x3 from 4096 to 512, 1x1 to the classes; norms behind all but the last.
    pyramid = 4 * (2048 * 512 + 2 * 512) + 9 * 4096 * 512 + 2 * 512 + 512 * 21 + 21
    auxiliary = 9 * 1024 * 256 + 2 * 256 + 256 * 21 + 21
    encoder = 25_557_032 - 2_049_000  # torchvision's resnet50 less its classifier
    assert parameter_count(drawn(PSPNet(auxiliary=True), ResNet50(), 21)) == encoder + pyramid + auxiliary


def test_a_pspnets_auxiliary_head_sees_the_last_feature_but_one() -> None:
    graph = drawn(PSPNet(auxiliary=True))
    assert graph.outputs == ("head_resize", "auxiliary.4_resize")
    assert inputs(graph)["auxiliary.0"] == ("encoder.layer3.1.relu",)
    assert drawn(PSPNet()).outputs == ("head_resize",)


def test_a_pspnets_bins_may_be_a_list_as_option_texts_have_them() -> None:
    assert PSPNet(bins=[1, 4]) == PSPNet(bins=(1, 4))  # type: ignore[arg-type]
    assert drawn(PSPNet(bins=(1, 4)), Plain(8, 3)).shapes(16, 16)["decoder.level1.norm"] == (16, 4, 4)


def test_a_linknet_adds_the_encoders_features_on_the_way_up() -> None:
    graph = drawn(LinkNet())
    sums = {n.name: n.inputs for n in graph.nodes if isinstance(n.operation, Add) and n.name.startswith("decoder.")}
    skips = ["encoder.layer3.1.relu", "encoder.layer2.1.relu", "encoder.layer1.1.relu", "encoder.relu"]
    assert sums == {f"decoder.{i}.add": (f"decoder.{i}.2.act", skip) for i, skip in enumerate(skips)}
    assert graph.shapes(64, 96)["decoder.4.2.act"] == (32, 64, 96)
    assert graph.outputs == ("head",)


def test_a_linknet_has_the_parameters_of_its_blocks() -> None:
    blocks = [(512, 256), (256, 128), (128, 64), (64, 64), (64, 32)]
    kernels = sum(m * m // 4 + 9 * (m // 4) ** 2 + m // 4 * n for m, n in blocks)
    norms = sum(2 * (m // 4 + m // 4 + n) for m, n in blocks)
    encoder = 11_689_512 - 513_000  # torchvision's resnet18 less its classifier
    assert parameter_count(drawn(LinkNet())) == encoder + kernels + norms + 32 + 1


def test_a_linknet_on_an_encoder_of_full_size_ends_with_its_finest_feature() -> None:
    graph = drawn(LinkNet(), Plain(8, 3))
    assert inputs(graph)["head"] == ("decoder.1.add",)
    assert graph.shapes(16, 16)["decoder.1.add"] == (8, 16, 16)


@pytest.mark.parametrize("model", [FPN(dropout=0.2), LinkNet(dropout=0.2), PSPNet(dropout=0.2)])
def test_dropout_is_in_front_of_the_head(model: Architecture) -> None:
    graph = drawn(model, Plain(4, 3))
    assert inputs(graph)["head"] == ("head_dropout",)
    assert {node.name: node.operation for node in graph.nodes}["head_dropout"] == Dropout(0.2)


@pytest.mark.parametrize(
    ("model", "encoder", "words"),
    [
        (FPN(), Plain(4, 1), "FPN needs an encoder with at least 2 features; Plain has 1"),
        (LinkNet(), Plain(4, 1), "LinkNet needs an encoder with at least 2 features"),
        (
            LinkNet(),
            ResNet18(output_stride=8),
            "LinkNet needs features that get coarser; ResNet18 has them at 1/2, 1/4, 1/8",
        ),
        (PSPNet(auxiliary=True), Plain(4, 1), "PSPNet needs an encoder with at least 2 features"),
    ],
)
def test_an_encoder_that_does_not_fit_is_told_why(model: Architecture, encoder: Encoder, words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        drawn(model, encoder)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (FPN, {"channels": 0}, "FPN: channels"),
        (FPN, {"pyramid_channels": "8"}, "FPN: pyramid_channels"),
        (LinkNet, {"last_channels": 0}, "LinkNet: last_channels"),
        (PSPNet, {"bins": ()}, "PSPNet: bins"),
        (PSPNet, {"bins": (1, 0)}, "PSPNet: bins"),
        (PSPNet, {"auxiliary": 1}, "PSPNet: auxiliary"),
    ],
)
def test_options_that_cannot_be_are_refused(make: type, options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        make(**options)
