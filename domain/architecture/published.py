"""ImageNet weights others published: where they are, and how their tensors are called here.

The encoders have torchvision's names under "encoder.", SegFormer's those of transformers. timm's files of the same
networks as torchvision's are called otherwise in three families; ``candidates`` knows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

ENCODER = "encoder."
"""What the names of an encoder's tensors begin with, in every architecture."""


@frozen
class Published:
    """A repository on the Hugging Face hub, and the file of weights in it: of safetensors, or of torch.save."""

    repository: str
    file: str = "model.safetensors"


IMAGENET: Mapping[str, Published] = {
    "resnet18": Published("timm/resnet18.tv_in1k"),
    "resnet34": Published("timm/resnet34.tv_in1k"),
    "resnet50": Published("timm/resnet50.tv_in1k"),
    "resnet101": Published("timm/resnet101.tv_in1k"),
    "resnet152": Published("timm/resnet152.tv_in1k"),
    "vgg11": Published("timm/vgg11_bn.tv_in1k"),
    "vgg13": Published("timm/vgg13_bn.tv_in1k"),
    "vgg16": Published("timm/vgg16_bn.tv_in1k"),
    "mobilenet-v2": Published("timm/mobilenetv2_100.ra_in1k"),
    "efficientnet-b0": Published("timm/efficientnet_b0.ra_in1k"),
    "efficientnet-b1": Published("timm/efficientnet_b1.ft_in1k"),
    "efficientnet-b2": Published("timm/efficientnet_b2.ra_in1k"),
    "efficientnet-b3": Published("timm/efficientnet_b3.ra2_in1k"),
    "convnext-tiny": Published("timm/convnext_tiny.fb_in1k"),
    "mit-b0": Published("nvidia/mit-b0", "pytorch_model.bin"),
    "mit-b1": Published("nvidia/mit-b1", "pytorch_model.bin"),
    "mit-b2": Published("nvidia/mit-b2", "pytorch_model.bin"),
}
"""By the encoder's name. All took images normalised by ``spec.imagenet``."""

_BEFORE_STAGE = (0, 1, 3, 6, 10, 13, 16)
"""MobileNetV2 counts its blocks through: how many are before each stage."""
_MOBILENET_BLOCK = {
    "conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1", "conv_pwl": "2", "bn3": "3",
}  # fmt: skip
_MOBILENET_FIRST = {"conv_dw": "0.0", "bn1": "0.1", "conv_pw": "1", "bn2": "2"}
_EFFICIENTNET_BLOCK = {
    "conv_pw": "0.0", "bn1": "0.1", "conv_dw": "1.0", "bn2": "1.1",
    "se.conv_reduce": "2.fc1", "se.conv_expand": "2.fc2", "conv_pwl": "3.0", "bn3": "3.1",
}  # fmt: skip
_EFFICIENTNET_FIRST = {
    "conv_dw": "0.0", "bn1": "0.1",
    "se.conv_reduce": "1.fc1", "se.conv_expand": "1.fc2", "conv_pw": "2.0", "bn2": "2.1",
}  # fmt: skip
_CONVNEXT_BLOCK = {"conv_dw": "block.0", "norm": "block.2", "mlp.fc1": "block.3", "mlp.fc2": "block.5"}


def candidates(name: str) -> Iterator[str]:
    """What a tensor called ``name`` elsewhere may be called here, the likeliest first."""
    name = name.removeprefix("module.").removeprefix("segformer.")  # of torch's DataParallel, of transformers
    yield name
    inner = name.removeprefix("backbone.")  # of torchvision's segmentation models
    for known in (inner, *_torchvision(inner)):
        yield ENCODER + known
        yield f"{ENCODER}{known}.weight"  # ConvNeXt's "layer_scale" is a bare array there


def _torchvision(name: str) -> Iterator[str]:
    """torchvision's names for timm's."""
    for theirs, ours in (
        ("conv_stem.", ("features.0.0.",)),
        ("bn1.", ("features.0.1.",)),
        ("conv_head.", ("features.18.0.", "features.8.0.")),  # MobileNetV2, EfficientNet
        ("bn2.", ("features.18.1.", "features.8.1.")),
        ("stem.", ("features.0.",)),
    ):
        if name.startswith(theirs):
            yield from (new + name.removeprefix(theirs) for new in ours)
    if found := re.fullmatch(r"blocks\.(\d)\.(\d+)\.(.+)\.(\w+)", name):
        yield from _inverted_residual(int(found[1]), int(found[2]), found[3], found[4])
    elif found := re.fullmatch(r"stages\.(\d)\.downsample\.(.+)", name):
        yield f"features.{2 * int(found[1])}.{found[2]}"
    elif found := re.fullmatch(r"stages\.(\d)\.blocks\.(\d+)\.(.+)", name):
        yield from _convnext(f"features.{2 * int(found[1]) + 1}.{found[2]}", found[3])


def _inverted_residual(stage: int, block: int, layer: str, suffix: str) -> Iterator[str]:
    mobilenet = _MOBILENET_BLOCK if stage else _MOBILENET_FIRST
    if layer in mobilenet and stage < len(_BEFORE_STAGE):
        yield f"features.{_BEFORE_STAGE[stage] + block + 1}.conv.{mobilenet[layer]}.{suffix}"
    efficientnet = _EFFICIENTNET_BLOCK if stage else _EFFICIENTNET_FIRST
    if layer in efficientnet:
        yield f"features.{stage + 1}.{block}.block.{efficientnet[layer]}.{suffix}"


def _convnext(block: str, rest: str) -> Iterator[str]:
    layer, _, suffix = rest.rpartition(".")
    if rest == "gamma":
        yield f"{block}.layer_scale"
    elif layer in _CONVNEXT_BLOCK:
        yield f"{block}.{_CONVNEXT_BLOCK[layer]}.{suffix}"
