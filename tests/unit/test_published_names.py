"""Other people's names of the same tensors: every tensor of every published encoder has its place, and only one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segport.adapters.storage.pretrained import load_pretrained
from segport.domain.architecture.deeplabv3 import DeepLabV3
from segport.domain.architecture.encoders.resnet import ResNet50
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.published import IMAGENET
from segport.domain.architecture.segformer import SegFormer
from segport.domain.architecture.transfer import adapted, image_kernels, transfer
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import Weights
from segport.domain.architecture.zoo import ENCODERS
from segport.domain.spec import Normalisation, imagenet

OTHERS = 10_000
"""Where the numbers of the weights to be taken over begin."""
NORM = ("weight", "bias", "running_mean", "running_var")
EFFICIENTNET_BLOCKS = {"efficientnet-b0": (1, 2, 2, 3, 3, 4, 1), "efficientnet-b2": (2, 3, 3, 4, 4, 5, 2)}


def graph_of(encoder: str, channels: int = 3) -> Graph:
    return UNet().graph(channels=channels, outputs=2, encoder=ENCODERS[encoder].load())


def weights_of(graph: Graph, start: int = 0) -> Weights:
    """Each tensor full of a number of its own, none of which another ``start`` gives; they take no memory."""
    shapes = (spec.shape for spec in graph.weights().values())
    arrays = (np.broadcast_to(np.float32(start + i), shape) for i, shape in enumerate(shapes))
    return dict(zip(graph.weights(), arrays, strict=True))


def encoder_of(graph: Graph, start: int = 0) -> Weights:
    return {name: array for name, array in weights_of(graph, start).items() if name.startswith("encoder.")}


def same(some: Weights, others: Weights) -> bool:
    """Compares shapes and first values: the arrays are full of one number."""
    return all(
        some[name].shape == array.shape and some[name].flat[0] == array.flat[0] for name, array in others.items()
    )


def layers(conv: str, norm: str) -> Iterator[str]:
    yield f"{conv}.weight"
    yield from (f"{norm}.{suffix}" for suffix in NORM)


def timm_inverted_residuals(blocks: tuple[int, ...], squeezed: bool) -> Iterator[str]:
    """Names of timm's EfficientNet family, in order of the layers."""
    yield from layers("conv_stem", "bn1")
    for stage, count in enumerate(blocks):
        for block in (f"blocks.{stage}.{i}" for i in range(count)):
            last, last_norm = ("conv_pwl", "bn3") if stage else ("conv_pw", "bn2")
            if stage:
                yield from layers(f"{block}.conv_pw", f"{block}.bn1")
            yield from layers(f"{block}.conv_dw", f"{block}.bn{2 if stage else 1}")
            if squeezed:
                for part in ("reduce", "expand"):
                    yield from (f"{block}.se.conv_{part}.{suffix}" for suffix in ("weight", "bias"))
            yield from layers(f"{block}.{last}", f"{block}.{last_norm}")
    yield from layers("conv_head", "bn2")


def timm_convnext() -> Iterator[str]:
    both = ("weight", "bias")
    for stage, count in enumerate((3, 3, 9, 3)):
        start = f"stages.{stage}.downsample" if stage else "stem"
        yield from (f"{start}.{i}.{suffix}" for i in (0, 1) for suffix in both)
        for block in (f"stages.{stage}.blocks.{i}" for i in range(count)):
            yield from (f"{block}.{part}.{s}" for part in ("conv_dw", "norm", "mlp.fc1", "mlp.fc2") for s in both)
            yield f"{block}.gamma"


TIMM = {
    "mobilenet-v2": list(timm_inverted_residuals((1, 2, 3, 4, 3, 3, 1), squeezed=False)),
    "convnext-tiny": list(timm_convnext()),
    **{name: list(timm_inverted_residuals(blocks, squeezed=True)) for name, blocks in EFFICIENTNET_BLOCKS.items()},
}


@pytest.mark.parametrize("encoder", TIMM)
def test_timms_names_find_their_places_in_order(encoder: str) -> None:
    graph = graph_of(encoder)
    ours = encoder_of(graph, OTHERS)
    theirs = dict(zip(TIMM[encoder], ours.values(), strict=True))
    moved = transfer(encoder_of(graph), theirs)
    assert moved.left_over == moved.reinitialised == ()
    assert same(moved.weights, ours)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "encoder."])
def test_torchvisions_names_with_what_is_put_before_them(prefix: str) -> None:
    ours = encoder_of(graph_of("resnet18"), OTHERS)
    theirs = {prefix + name.removeprefix("encoder."): array for name, array in ours.items()}
    moved = transfer(encoder_of(graph_of("resnet18")), {**theirs, "fc.weight": np.ones((1000, 512), np.float32)})
    assert moved.left_over == ("fc.weight",)
    assert moved.reinitialised == ()


def test_torchvisions_segmentation_models_are_taken_whole() -> None:
    graph = DeepLabV3(auxiliary=True).graph(channels=3, outputs=21, encoder=ResNet50(output_stride=8))
    theirs = {n.replace("encoder.", "backbone."): array for n, array in weights_of(graph, OTHERS).items()}
    assert theirs["backbone.layer4.2.conv3.weight"].shape == (2048, 512, 1, 1)
    assert {"classifier.4.weight", "aux_classifier.4.bias"} < set(theirs)
    moved = transfer(weights_of(graph), theirs)
    assert moved.left_over == moved.reinitialised == ()


def test_torchvisions_convnext_has_linear_layers_and_bare_scales() -> None:
    ours = encoder_of(graph_of("convnext-tiny"), OTHERS)
    theirs = {}
    for name, array in ours.items():
        if name.endswith("layer_scale.weight"):
            theirs[name.removeprefix("encoder.").removesuffix(".weight")] = array.reshape(-1, 1, 1)
        else:
            linear = name.endswith(("block.3.weight", "block.5.weight"))
            theirs[name.removeprefix("encoder.")] = array[:, :, 0, 0] if linear else array
    moved = transfer(encoder_of(graph_of("convnext-tiny")), theirs)
    assert moved.left_over == moved.reinitialised == ()
    assert same(moved.weights, ours)


def test_transformers_names_are_ours_behind_segformer_and_its_linear_layers_have_two_axes() -> None:
    graph = SegFormer().graph(channels=3, outputs=150, encoder=ENCODERS["mit-b0"].load())
    ours, theirs = weights_of(graph, OTHERS), {}
    for name, array in ours.items():
        linear = array.shape[2:] == (1, 1) and not name.startswith(
            ("decode_head.linear_fuse", "decode_head.classifier")
        )
        prefix = "segformer." if name.startswith("encoder.") else ""
        theirs[prefix + name] = array[:, :, 0, 0] if linear else array
    assert theirs["segformer.encoder.block.0.0.attention.self.query.weight"].shape == (32, 32)
    assert theirs["decode_head.linear_c.3.proj.weight"].shape == (256, 256)
    moved = transfer(weights_of(graph), theirs)
    assert moved.left_over == moved.reinitialised == ()
    assert same(moved.weights, ours)
    encoder = transfer(encoder_of(graph), {**theirs, "classifier.weight": np.ones((1000, 256), np.float32)})
    assert encoder.reinitialised == ()
    assert {name.partition(".")[0] for name in encoder.left_over} == {"classifier", "decode_head"}


def test_all_encoders_with_published_weights_are_there_and_have_names_of_their_own() -> None:
    assert set(IMAGENET) <= set(ENCODERS)
    assert len(set(IMAGENET.values())) == len(IMAGENET)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_the_first_kernel_fits_other_channels(channels: int) -> None:
    first = np.random.default_rng(0).normal(size=(64, 3, 7, 7)).astype(np.float32)
    graph = graph_of("resnet18", channels)
    colours = {**encoder_of(graph), "encoder.conv1.weight": first}
    moved = transfer(encoder_of(graph), colours, image_kernels(graph))
    assert moved.adapted == ("encoder.conv1.weight",)
    kernel = moved.weights["encoder.conv1.weight"]
    assert kernel.shape == (64, channels, 7, 7)
    if channels == 1:  # a grey image is one of three equal channels
        np.testing.assert_array_equal(kernel[:, 0], first.sum(1))
    else:
        np.testing.assert_allclose(kernel[:, 1], first[:, 1] * 3 / channels, rtol=1e-6)
        np.testing.assert_allclose(kernel[:, -1], first[:, (channels - 1) % 3] * 3 / channels, rtol=1e-6)


def test_other_kernels_are_not_adapted() -> None:
    ours = encoder_of(graph_of("resnet18"))
    moved = transfer(ours, {"layer1.0.conv1.weight": np.ones((64, 3, 3, 3), np.float32)}, frozenset())
    assert moved.matched == ()
    assert adapted(np.ones((1, 4, 1, 1), np.float32), 2).tolist() == [[[[2.0]], [[2.0]]]]


def test_the_normalisation_follows_the_channels() -> None:
    assert imagenet(3) == Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert imagenet(1).mean[0] == pytest.approx(np.mean(imagenet(3).mean), abs=1e-3)
    assert imagenet(4).std == (0.229, 0.224, 0.225, 0.229)


@pytest.mark.data
@pytest.mark.parametrize("file", ["mobilenet_v2-b0353104.pth", "mobilenet_v2.tv_in1k.safetensors"])
def test_the_real_weights_fill_the_encoder(file: str, data_root: Path) -> None:
    graph = graph_of("mobilenet-v2")
    published = load_pretrained(data_root / "weights" / file).weights
    moved = transfer(encoder_of(graph), published, image_kernels(graph))
    assert moved.reinitialised == moved.adapted == ()
    assert set(moved.left_over) == {"classifier.1.weight", "classifier.1.bias"}
    assert all(np.array_equal(moved.weights[name], published[name.removeprefix("encoder.")]) for name in moved.matched)
