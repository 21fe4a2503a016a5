"""Encoders: their features, and the names and counts that let published weights in."""

from __future__ import annotations

import pytest

from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet, ResNet18, ResNet34, ResNet50, ResNet101, ResNet152
from segport.domain.architecture.graph import IMAGE, Graph
from segport.domain.architecture.operations import Conv, Norm, Resize
from segport.domain.architecture.summary import parameter_count
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Encoder

# Parameters that torchvision.models documents, less the final linear layer (1000 classes) of each.
PUBLISHED = {
    ResNet18: 11_689_512 - 513_000,
    ResNet34: 21_797_672 - 513_000,
    ResNet50: 25_557_032 - 2_049_000,
    ResNet101: 44_549_160 - 2_049_000,
    ResNet152: 60_192_808 - 2_049_000,
}
BLOCKS = {
    ResNet18: (2, 2, 2, 2),
    ResNet34: (3, 4, 6, 3),
    ResNet50: (3, 4, 6, 3),
    ResNet101: (3, 4, 23, 3),
    ResNet152: (3, 8, 36, 3),
}


def drawn(encoder: Encoder, channels: int = 3) -> tuple[GraphBuilder, list[str], Graph]:
    builder = GraphBuilder(channels)
    features = list(encoder.build(builder, IMAGE))
    return builder, features, builder.build([builder.add(Resize(), features[-1], IMAGE, name="up")])


def torchvision_names(blocks: tuple[int, ...], convolutions: int) -> set[str]:
    """Keys of torchvision's state_dict, less ``fc`` and ``num_batches_tracked``."""
    norm = ("weight", "bias", "running_mean", "running_var")
    names = {"conv1.weight", *(f"bn1.{n}" for n in norm)}
    for layer, count in enumerate(blocks, 1):
        for block in range(count):
            for i in range(1, convolutions + 1):
                names |= {f"layer{layer}.{block}.conv{i}.weight", *(f"layer{layer}.{block}.bn{i}.{n}" for n in norm)}
        if layer > 1 or convolutions == 3:
            names |= {f"layer{layer}.0.downsample.0.weight", *(f"layer{layer}.0.downsample.1.{n}" for n in norm)}
    return {f"encoder.{name}" for name in names}


@pytest.mark.parametrize("encoder", PUBLISHED)
def test_a_resnet_has_the_published_number_of_parameters(encoder: type[ResNet]) -> None:
    assert parameter_count(drawn(encoder())[2]) == PUBLISHED[encoder]


@pytest.mark.parametrize("encoder", PUBLISHED)
def test_a_resnet_has_torchvisions_parameter_names(encoder: type[ResNet]) -> None:
    expected = torchvision_names(BLOCKS[encoder], 2 if encoder in (ResNet18, ResNet34) else 3)
    assert set(drawn(encoder())[2].weights()) == expected


@pytest.mark.parametrize(
    ("encoder", "channels"),
    [(ResNet18, [64, 64, 128, 256, 512]), (ResNet34, [64, 64, 128, 256, 512]), (ResNet50, [64, 256, 512, 1024, 2048])],
)
def test_a_resnet_has_five_features_from_half_the_size(encoder: type[ResNet], channels: list[int]) -> None:
    builder, features, graph = drawn(encoder())
    assert [builder.channels(f) for f in features] == channels
    assert [builder.scale(f) for f in features] == [2, 4, 8, 16, 32]
    assert graph.stride == 32
    assert graph.shapes(32, 32)[features[-1]][1:] == (1, 1)


def test_a_bottleneck_strides_in_its_3x3_convolution() -> None:
    strided = [n.name for n in drawn(ResNet50())[2].nodes if isinstance(n.operation, Conv) and n.operation.stride == 2]
    branches = [f"encoder.layer{i}.0.{part}" for i in (2, 3, 4) for part in ("conv2", "downsample.0")]
    assert strided == ["encoder.conv1", *branches]


@pytest.mark.parametrize(("encoder", "last"), [(ResNet18, "bn2"), (ResNet50, "bn3")])
def test_zero_gamma_marks_the_last_norm_of_each_branch_only(encoder: type[ResNet], last: str) -> None:
    def zeroed(zero_gamma: bool) -> set[str]:
        nodes = drawn(encoder(zero_gamma=zero_gamma))[2].nodes
        return {n.name for n in nodes if isinstance(n.operation, Norm) and n.operation.zero_gamma}

    blocks = {f"encoder.layer{i}.{b}.{last}" for i, n in enumerate(BLOCKS[encoder], 1) for b in range(n)}
    assert zeroed(True) == blocks
    assert zeroed(False) == set()


@pytest.mark.parametrize("channels", [1, 3, 4, 13])
@pytest.mark.parametrize("encoder", [Plain(4, 2), ResNet18()])
def test_any_number_of_image_channels_is_taken(encoder: Encoder, channels: int) -> None:
    weights = drawn(encoder, channels)[2].weights()
    assert next(iter(weights.values())).shape[1] == channels


@pytest.mark.parametrize("width", [1, 7, 32])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_plain_encoder_doubles_channels_and_halves_size(width: int, depth: int) -> None:
    builder, features, graph = drawn(Plain(width, depth))
    assert [builder.channels(f) for f in features] == [width * 2**i for i in range(depth)]
    assert [builder.scale(f) for f in features] == [2**i for i in range(depth)]
    assert graph.stride == 2 ** (depth - 1)
    convolutions, norms = 0, 0
    for i in range(depth):
        before, now = (3 if i == 0 else width * 2 ** (i - 1)), width * 2**i
        convolutions += 9 * now * (before + now)
        norms += 4 * now
    assert parameter_count(graph) == convolutions + norms


def test_a_plain_encoder_without_norms_has_biases() -> None:
    names = [name.rsplit(".", 1)[1] for name in drawn(Plain(4, 2, norm=False))[2].weights()]
    assert names == ["weight", "bias"] * 4


@pytest.mark.parametrize("options", [{"width": 0}, {"depth": 0}, {"depth": 2.0}, {"width": -3}, {"norm": 1}])
def test_a_plain_encoder_refuses_sizes_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(InvalidSpecError, match=f"Plain: {next(iter(options))}"):
        Plain(**options)
