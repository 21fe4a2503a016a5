"""The architectures and encoders that come with segport, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from ..ports.model import Architecture, Encoder
from .classifier import Classifier
from .deeplabv3 import DeepLabV3
from .deeplabv3plus import DeepLabV3Plus
from .encoders.convnext import ConvNeXtTiny
from .encoders.efficientnet import EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3
from .encoders.mit import MiTB0, MiTB1, MiTB2
from .encoders.mobilenet import MobileNetV2
from .encoders.plain import Plain
from .encoders.resnet import ResNet18, ResNet34, ResNet50, ResNet101, ResNet152
from .encoders.vgg import VGG11, VGG13, VGG16
from .fpn import FPN
from .linknet import LinkNet
from .pspnet import PSPNet
from .segformer import SegFormer
from .unet import UNet
from .unetplusplus import UNetPlusPlus


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
    "unet++": NamedArchitecture(
        UNetPlusPlus, "U-Net++: nested skips, deep supervision, averaged or pruned output; Zhou et al. 2018"
    ),
    "deeplabv3": NamedArchitecture(
        DeepLabV3, "DeepLabV3: dilated features and a pyramid of dilations, torchvision's names; Chen et al. 2017"
    ),
    "deeplabv3+": NamedArchitecture(
        DeepLabV3Plus, "DeepLabV3+: that pyramid, separable, and a decoder that joins fine features; Chen et al. 2018"
    ),
    "fpn": NamedArchitecture(
        FPN, "Feature pyramid, all levels brought to 1/4 and added; Lin et al. 2016, Kirillov et al. 2019"
    ),
    "pspnet": NamedArchitecture(
        PSPNet, "PSPNet: dilated features joined with their means over grids; Zhao et al. 2016"
    ),
    "linknet": NamedArchitecture(
        LinkNet, "LinkNet: a thin decoder that adds the encoder's features; Chaurasia and Culurciello 2017"
    ),
    "segformer": NamedArchitecture(
        SegFormer, "SegFormer: linear layers alone join the features, transformers' names; Xie et al. 2021"
    ),
    "classifier": NamedArchitecture(Classifier, "one class an image: the encoder, a global mean, a linear layer"),
}

ENCODERS: Mapping[str, NamedEncoder] = {
    "plain": NamedEncoder(Plain, "two 3x3 convolutions a stage, any width and depth"),
    "resnet18": NamedEncoder(ResNet18, "residual, basic blocks, 11.2 M parameters; He et al. 2015"),
    "resnet34": NamedEncoder(ResNet34, "residual, basic blocks, 21.3 M parameters; He et al. 2015"),
    "resnet50": NamedEncoder(ResNet50, "residual, bottleneck blocks, 23.5 M parameters; He et al. 2015"),
    "resnet101": NamedEncoder(ResNet101, "residual, bottleneck blocks, 42.5 M parameters; He et al. 2015"),
    "resnet152": NamedEncoder(ResNet152, "residual, bottleneck blocks, 58.1 M parameters; He et al. 2015"),
    "vgg11": NamedEncoder(VGG11, "3x3 convolutions and max-pools, 9.2 M parameters; Simonyan and Zisserman 2014"),
    "vgg13": NamedEncoder(VGG13, "3x3 convolutions and max-pools, 9.4 M parameters; Simonyan and Zisserman 2014"),
    "vgg16": NamedEncoder(VGG16, "3x3 convolutions and max-pools, 14.7 M parameters; Simonyan and Zisserman 2014"),
    "mobilenet-v2": NamedEncoder(
        MobileNetV2, "inverted residuals, depthwise convolutions, 2.2 M parameters; Sandler et al. 2018"
    ),
    "efficientnet-b0": NamedEncoder(
        EfficientNetB0, "inverted residuals with weighed channels, 4.0 M parameters; Tan and Le 2019"
    ),
    "efficientnet-b1": NamedEncoder(
        EfficientNetB1, "inverted residuals with weighed channels, 6.5 M parameters; Tan and Le 2019"
    ),
    "efficientnet-b2": NamedEncoder(
        EfficientNetB2, "inverted residuals with weighed channels, 7.7 M parameters; Tan and Le 2019"
    ),
    "efficientnet-b3": NamedEncoder(
        EfficientNetB3, "inverted residuals with weighed channels, 10.7 M parameters; Tan and Le 2019"
    ),
    "convnext-tiny": NamedEncoder(
        ConvNeXtTiny, "7x7 depthwise convolutions, layer norms, 27.8 M parameters; Liu et al. 2022"
    ),
    "mit-b0": NamedEncoder(MiTB0, "SegFormer's transformer, 3.3 M parameters; Xie et al. 2021"),
    "mit-b1": NamedEncoder(MiTB1, "SegFormer's transformer, 13.2 M parameters; Xie et al. 2021"),
    "mit-b2": NamedEncoder(MiTB2, "SegFormer's transformer, 24.2 M parameters; Xie et al. 2021"),
}
