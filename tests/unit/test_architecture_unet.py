"""U-Net: what its options draw, and what it says to options that do not fit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import frozen

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet50
from segport.domain.architecture.operations import Concat, Conv, Dropout, MaxPool, Resize
from segport.domain.architecture.summary import parameter_count
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.zoo import ARCHITECTURES, ENCODERS
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Encoder


@frozen
class Steps:
    """An encoder of max-pools: one feature per entry, each that many times smaller than the one before."""

    steps: tuple[int, ...]

    def build(self, graph: GraphBuilder, image: str) -> Sequence[str]:
        features = [image]
        for i, step in enumerate(self.steps):
            features.append(graph.add(MaxPool(step, step), features[-1], name=f"encoder.{i}"))
        return features[1:]


def test_with_resnet_18_it_has_the_usual_number_of_parameters() -> None:
    # As segmentation_models_pytorch counts Unet('resnet18', classes=1): the same decoder, the same 3x3 head.
    assert parameter_count(UNet().graph(channels=3, outputs=1, encoder=ResNet18())) == 14_328_209


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_everything_in_the_zoo_goes_together(architecture: str, encoder: str) -> None:
    graph = ARCHITECTURES[architecture].load().graph(channels=1, outputs=7, encoder=ENCODERS[encoder].load())
    size = (1, 1) if architecture == "classifier" else (64, 96)
    assert [graph.shapes(64, 96)[name] for name in graph.outputs] == [(7, *size)]
    assert ARCHITECTURES[architecture].summary
    assert ENCODERS[encoder].summary


@pytest.mark.parametrize("encoder", [Plain(4, 3), Plain(4, 2), ResNet18()])
@pytest.mark.parametrize("deep", [False, True])
def test_outputs_have_the_images_size_main_one_first(encoder: Encoder, deep: bool) -> None:
    graph = UNet(deep_supervision=deep).graph(channels=3, outputs=5, encoder=encoder)
    shapes = graph.shapes(64, 128)
    assert [shapes[name] for name in graph.outputs] == [(5, 64, 128)] * len(graph.outputs)
    assert graph.outputs[0] == "head"
    blocks = 5 if isinstance(encoder, ResNet18) else encoder.depth - 1
    assert len(graph.outputs) == (blocks if deep else 1)


def test_deep_supervision_predicts_from_every_other_block_finest_first() -> None:
    graph = UNet(deep_supervision=True).graph(channels=3, outputs=1, encoder=ResNet18())
    sources = {node.name: node.inputs for node in graph.nodes}
    assert graph.outputs == ("head", *(f"auxiliary{i}_resize" for i in (1, 2, 3, 4)))
    assert [sources[f"auxiliary{i}"] for i in (1, 2, 3, 4)] == [(f"decoder.{b}.1.act",) for b in (3, 2, 1, 0)]
    assert sources["head"] == ("decoder.4.1.act",)


def test_deep_supervision_adds_heads_and_changes_nothing_else() -> None:
    plain = UNet().graph(channels=3, outputs=2, encoder=Plain(4, 4)).weights()
    deep = UNet(deep_supervision=True).graph(channels=3, outputs=2, encoder=Plain(4, 4)).weights()
    extra = {f"auxiliary{i}.{part}" for i in (1, 2) for part in ("weight", "bias")}
    assert deep.keys() - plain.keys() == extra
    assert all(deep[name] == spec for name, spec in plain.items())


def test_each_block_joins_the_encoders_feature_of_its_size() -> None:
    graph = UNet().graph(channels=3, outputs=2, encoder=ResNet50())
    joins = [node.inputs[1] for node in graph.nodes if isinstance(node.operation, Concat)]
    assert joins == ["encoder.layer3.5.relu", "encoder.layer2.3.relu", "encoder.layer1.2.relu", "encoder.relu"]


def test_without_a_block_at_full_size_the_logits_are_enlarged() -> None:
    graph = UNet(decoder_channels=(8, 8, 8, 8)).graph(channels=3, outputs=2, encoder=ResNet18())
    assert graph.outputs == ("head_resize",)
    shapes = graph.shapes(64, 64)
    assert (shapes["head"], shapes["head_resize"]) == ((2, 32, 32), (2, 64, 64))


@pytest.mark.parametrize(
    ("depth", "widths"), [(2, [16]), (3, [32, 16]), (5, [128, 64, 32, 16]), (6, [256, 128, 64, 32, 16])]
)
def test_the_default_is_shortened_from_the_front(depth: int, widths: list[int]) -> None:
    graph = UNet().graph(channels=3, outputs=1, encoder=Plain(2, depth))
    weights = graph.weights()
    assert [weights[f"decoder.{i}.1.conv.weight"].shape[0] for i in range(len(widths))] == widths
    assert f"decoder.{len(widths)}.1.conv.weight" not in weights


def test_decoder_channels_may_be_a_list_as_option_texts_have_them() -> None:
    assert UNet(decoder_channels=[64, 32]) == UNet(decoder_channels=(64, 32))  # type: ignore[arg-type]


def test_options_reach_the_graph() -> None:
    unet = UNet(head_kernel=1, upsampling="nearest", dropout=0.25)
    operations = {n.name: n.operation for n in unet.graph(channels=3, outputs=2, encoder=Plain(4, 3)).nodes}
    assert operations["head"] == Conv(2, 1, bias=True, init="xavier")
    assert operations["head_dropout"] == Dropout(0.25)
    assert operations["decoder.0.resize"] == Resize("nearest")


def test_without_dropout_there_is_no_such_node() -> None:
    graph = UNet().graph(channels=3, outputs=2, encoder=Plain(4, 3))
    assert not [node for node in graph.nodes if isinstance(node.operation, Dropout)]


@pytest.mark.parametrize(
    ("channels", "encoder", "words"),
    [
        ((8, 8), ResNet18(), r"ResNet18 takes 4 or 5 decoder_channels, not 2 \(8, 8\)"),
        ((8,) * 6, ResNet18(), "takes 4 or 5 decoder_channels, not 6"),
        ((8, 8, 8), Plain(4, 3), "Plain takes 2 decoder_channels, not 3"),
        ((256, 128, 64, 32, 16), Plain(4, 7), "Plain takes 6 decoder_channels, not 5"),
    ],
)
def test_a_wrong_number_of_decoder_channels_is_told_with_the_right_one(
    channels: tuple[int, ...], encoder: Encoder, words: str
) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        UNet(decoder_channels=channels).graph(channels=3, outputs=1, encoder=encoder)


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        (Plain(4, 1), "at least 2 features; Plain has 1"),
        (Steps(()), "Steps has 0"),
        (Steps((2, 1)), "Steps has them at 1/2, 1/2"),
    ],
)
def test_an_encoder_that_does_not_fit_is_told_why(encoder: Encoder, words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        UNet().graph(channels=3, outputs=1, encoder=encoder)


@pytest.mark.parametrize("steps", [(1, 2, 2), (2, 2, 2), (1, 3, 5), (2, 4), (8, 2)])
def test_steps_of_any_size_are_climbed_back(steps: tuple[int, ...]) -> None:
    graph = UNet().graph(channels=3, outputs=1, encoder=Steps(steps))
    side = 2 * graph.stride
    assert graph.shapes(side, side)["head"] == (1, side, side)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head_kernel": 2}, "head_kernel must be odd"),
        ({"upsampling": "cubic"}, "upsampling must be one of bilinear, nearest"),
        ({"decoder_channels": ()}, "decoder_channels"),
        ({"decoder_channels": (8, 0)}, "decoder_channels"),
        ({"decoder_channels": 8}, "decoder_channels"),
        ({"dropout": 1.0}, "dropout"),
        ({"deep_supervision": "yes"}, "deep_supervision"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidSpecError, match=words):
        UNet(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "outputs"), [(0, 1), (3, 0), (3, -1)])
def test_channels_and_outputs_must_be_there(channels: int, outputs: int) -> None:
    with pytest.raises(InvalidSpecError, match="channels must be a whole number"):
        UNet().graph(channels=channels, outputs=outputs, encoder=Plain(4, 2))
