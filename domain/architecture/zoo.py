"""The architectures and encoders that come with segport, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from ..ports.model import Architecture, Encoder
from .encoders.plain import Plain
from .encoders.resnet import ResNet18, ResNet34, ResNet50
from .unet import UNet


@frozen
class NamedArchitecture:
    """``load`` takes the options as keywords."""

    load: Callable[..., Architecture]
    summary: str


@frozen
class NamedEncoder:
    """``load`` takes the options as keywords."""

    load: Callable[..., Encoder]
    summary: str


ARCHITECTURES: Mapping[str, NamedArchitecture] = {
    "unet": NamedArchitecture(UNet, "U-Net: encoder, decoder joined by skips; Ronneberger et al. 2015"),
}

ENCODERS: Mapping[str, NamedEncoder] = {
    "plain": NamedEncoder(Plain, "two 3x3 convolutions a stage, any width and depth"),
    "resnet18": NamedEncoder(ResNet18, "residual, basic blocks, 11.2 M parameters; He et al. 2015"),
    "resnet34": NamedEncoder(ResNet34, "residual, basic blocks, 21.3 M parameters; He et al. 2015"),
    "resnet50": NamedEncoder(ResNet50, "residual, bottleneck blocks, 23.5 M parameters; He et al. 2015"),
}
