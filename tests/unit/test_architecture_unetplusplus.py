"""U-Net++: its nest, its outputs, and what a chosen branch leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.operations import Average, Concat, Resize
from segport.domain.architecture.summary import parameter_count
from segport.domain.architecture.unetplusplus import UNetPlusPlus
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Encoder

FIVE = Plain(4, 5)


def drawn(encoder: Encoder = FIVE, **options: Any) -> Graph:
    return UNetPlusPlus(**options).graph(channels=3, outputs=1, encoder=encoder)


def inputs(graph: Graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in graph.nodes}


def test_on_plain_it_has_the_published_parameters() -> None:
    # The NestedUNet of 4uiiurz1's pytorch-nested-unet for one class; its convolutions have biases before their norms.
    filters = (32, 64, 128, 256, 512)
    blocks = [filters[i] for i in range(5) for _ in range(5 - i)]
    assert parameter_count(drawn(Plain(32, 5))) + sum(2 * f for f in blocks) == 9_163_329


def test_each_block_joins_all_before_it_of_its_size_and_the_coarser_one_enlarged() -> None:
    found = inputs(drawn())
    encoder = [f"encoder.stage{i}.1.act" for i in range(5)]
    assert found["decoder.0_1.concat"] == (encoder[0], "decoder.0_1.resize")
    assert found["decoder.0_1.resize"] == (encoder[1], encoder[0])
    assert found["decoder.1_3.concat"] == (
        encoder[1], "decoder.1_1.1.act", "decoder.1_2.1.act", "decoder.1_3.resize"
    )  # fmt: skip
    assert found["decoder.1_3.resize"] == ("decoder.2_2.1.act", encoder[1])
    joins = [node for node in drawn().nodes if isinstance(node.operation, Concat)]
    assert len(joins) == 4 + 3 + 2 + 1


def test_the_last_branch_predicts_alone() -> None:
    graph = drawn()
    assert graph.outputs == ("head.4",)
    assert inputs(graph)["head.4"] == ("decoder.0_4.1.act",)


def test_deep_supervision_predicts_from_every_branch_deepest_first() -> None:
    graph = drawn(deep_supervision=True)
    assert graph.outputs == ("head.4", "head.3", "head.2", "head.1")
    assert [inputs(graph)[name] for name in graph.outputs] == [(f"decoder.0_{i}.1.act",) for i in (4, 3, 2, 1)]


def test_the_averaged_output_is_the_mean_of_all_branches() -> None:
    graph = drawn(deep_supervision=True, output="averaged")
    assert graph.outputs == ("averaged", "head.4", "head.3", "head.2", "head.1")
    operations = {node.name: node.operation for node in graph.nodes}
    assert operations["averaged"] == Average()
    assert inputs(graph)["averaged"] == ("head.1", "head.2", "head.3", "head.4")
    assert drawn(output="averaged").outputs == ("averaged",)


def test_of_one_branch_the_average_is_that_branch() -> None:
    assert drawn(Plain(4, 2), deep_supervision=True, output="averaged").outputs == ("head.1",)


def test_a_chosen_branch_comes_first_among_supervised_ones() -> None:
    assert drawn(deep_supervision=True, output=2).outputs == ("head.2", "head.4", "head.3", "head.1")


@pytest.mark.parametrize("branch", [1, 2, 3, 4])
def test_a_chosen_branch_alone_is_the_pruned_network(branch: int) -> None:
    whole, pruned = drawn(deep_supervision=True).weights(), drawn(output=branch)
    assert pruned.outputs == (f"head.{branch}",)
    assert pruned.stride == 2**branch
    assert pruned.weights().items() <= whole.items()
    assert f"encoder.stage{branch}.0.conv.weight" in pruned.weights()
    assert f"encoder.stage{branch + 1}.0.conv.weight" not in pruned.weights()
    # The paper's L^n: a U-Net++ of n branches on as many stages less.
    small = UNetPlusPlus().graph(channels=3, outputs=1, encoder=Plain(4, branch + 1))
    assert parameter_count(pruned) == parameter_count(small)


def test_on_a_resnet_logits_are_enlarged_from_half_size() -> None:
    graph = drawn(ResNet18(), deep_supervision=True)
    assert graph.outputs == tuple(f"head.{i}_resize" for i in (4, 3, 2, 1))
    assert graph.shapes(64, 32)["head.1"] == (1, 32, 16)


def test_the_default_widths_are_shortened_from_the_front_and_others_must_fit() -> None:
    weights = drawn(Plain(4, 3)).weights()
    assert [weights[f"decoder.{i}_1.0.conv.weight"].shape[0] for i in (0, 1)] == [32, 64]
    with pytest.raises(InvalidSpecError, match=r"takes 2 decoder_channels here, not 3 \(8, 8, 8\)"):
        drawn(Plain(4, 3), decoder_channels=(8, 8, 8))
    with pytest.raises(InvalidSpecError, match="takes 6 decoder_channels here, not 5"):
        drawn(Plain(1, 7))
    given = drawn(Plain(4, 3), decoder_channels=[24, 8]).weights()
    assert [given[f"decoder.{i}_1.1.conv.weight"].shape for i in (0, 1)] == [(8, 8, 3, 3), (24, 24, 3, 3)]


@pytest.mark.parametrize("output", [0, -1, True, 2.0, "mean", "2"])
def test_an_output_is_a_branch_or_averaged(output: object) -> None:
    with pytest.raises(InvalidSpecError, match="output must be a branch, from 1, or 'averaged', not"):
        UNetPlusPlus(output=output)  # type: ignore[arg-type]


def test_a_branch_that_is_not_there_is_told_how_many_are() -> None:
    with pytest.raises(InvalidSpecError, match="output = 3, and there are 2 branches"):
        drawn(Plain(4, 3), output=3)


def test_resizing_is_as_asked() -> None:
    graph = drawn(upsampling="nearest")
    assert {n.operation for n in graph.nodes if isinstance(n.operation, Resize)} == {Resize("nearest")}


@pytest.mark.parametrize(
    ("encoder", "words"),
    [(Plain(4, 1), "an encoder with at least 2 features"), (ResNet18(output_stride=16), "features that get coarser")],
)
def test_an_encoder_that_does_not_fit_is_told_why(encoder: Encoder, words: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"UNetPlusPlus needs {words}"):
        drawn(encoder)
