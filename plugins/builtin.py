"""The parts that are pure formulas: architectures, encoders, losses, metrics, augmentation policies.

Names and summaries stand here as text, so that listing them imports no formula; a test holds them against the domain's
own tables. Adapters offer their parts in their own ``plugin.py``, by the same hooks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from . import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from ..domain.augmentation.policy import AugmentationPolicy

Factory = Callable[..., Any]

_ARCHITECTURES = {
    "unet": "U-Net: encoder, decoder joined by skips; Ronneberger et al. 2015",
    "unet++": "U-Net++: nested skips, deep supervision, averaged or pruned output; Zhou et al. 2018",
    "deeplabv3": "DeepLabV3: dilated features and a pyramid of dilations, torchvision's names; Chen et al. 2017",
    "deeplabv3+": "DeepLabV3+: that pyramid, separable, and a decoder that joins fine features; Chen et al. 2018",
    "fpn": "Feature pyramid, all levels brought to 1/4 and added; Lin et al. 2016, Kirillov et al. 2019",
    "pspnet": "PSPNet: dilated features joined with their means over grids; Zhao et al. 2016",
    "linknet": "LinkNet: a thin decoder that adds the encoder's features; Chaurasia and Culurciello 2017",
    "segformer": "SegFormer: linear layers alone join the features, transformers' names; Xie et al. 2021",
    "classifier": "one class an image: the encoder, a global mean, a linear layer",
}
_ENCODERS = {
    "plain": "two 3x3 convolutions a stage, any width and depth",
    "resnet18": "residual, basic blocks, 11.2 M parameters; He et al. 2015",
    "resnet34": "residual, basic blocks, 21.3 M parameters; He et al. 2015",
    "resnet50": "residual, bottleneck blocks, 23.5 M parameters; He et al. 2015",
    "resnet101": "residual, bottleneck blocks, 42.5 M parameters; He et al. 2015",
    "resnet152": "residual, bottleneck blocks, 58.1 M parameters; He et al. 2015",
    "vgg11": "3x3 convolutions and max-pools, 9.2 M parameters; Simonyan and Zisserman 2014",
    "vgg13": "3x3 convolutions and max-pools, 9.4 M parameters; Simonyan and Zisserman 2014",
    "vgg16": "3x3 convolutions and max-pools, 14.7 M parameters; Simonyan and Zisserman 2014",
    "mobilenet-v2": "inverted residuals, depthwise convolutions, 2.2 M parameters; Sandler et al. 2018",
    "efficientnet-b0": "inverted residuals with weighed channels, 4.0 M parameters; Tan and Le 2019",
    "efficientnet-b1": "inverted residuals with weighed channels, 6.5 M parameters; Tan and Le 2019",
    "efficientnet-b2": "inverted residuals with weighed channels, 7.7 M parameters; Tan and Le 2019",
    "efficientnet-b3": "inverted residuals with weighed channels, 10.7 M parameters; Tan and Le 2019",
    "convnext-tiny": "7x7 depthwise convolutions, layer norms, 27.8 M parameters; Liu et al. 2022",
    "mit-b0": "SegFormer's transformer, 3.3 M parameters; Xie et al. 2021",
    "mit-b1": "SegFormer's transformer, 13.2 M parameters; Xie et al. 2021",
    "mit-b2": "SegFormer's transformer, 24.2 M parameters; Xie et al. 2021",
}
_ENCODER_ALIASES = {"mobilenet-v2": ("mobilenetv2",)}
_LOSSES = {
    "cross-entropy": "Softmax cross-entropy, the usual choice for several classes.",
    "bce": "Sigmoid cross-entropy of foreground against background; with K logits, of each class against the rest.",
    "dice": "Soft Dice loss, 1 - 2 |P and T| / (|P| + |T|), robust to rare classes.",
    "jaccard": "Soft Jaccard loss, 1 - |P and T| / |P or T|: the IoU itself, made smooth.",
    "tversky": "Dice with a price for false alarms (alpha) and one for misses (beta).",
    "focal": "Cross-entropy that turns away from pixels already right, for rare or hard classes.",
    "lovasz-hinge": "The extension of the foreground's Jaccard loss to hinge errors, for one logit.",
    "lovasz-softmax": (
        "The extension of each counted class's Jaccard loss to errors of probability, mean over those classes."
    ),
    "bce-dice": "Binary cross-entropy plus soft Dice, for one class against the background.",
    "ce-dice": "Cross-entropy plus soft Dice, a strong default for several classes.",
}
_METRICS = {
    "miou": "Intersection over union (Jaccard index).",
    "iou": "IoU without class 0: of a binary task, the IoU of its foreground.",
    "f1": "F1 score, the same number as the Dice coefficient.",
    "precision": "The share of what is predicted that is right.",
    "recall": "The share of what is there that is found (sensitivity).",
    "specificity": "The share of other classes' pixels that are not taken for this class.",
    "accuracy": "The share of pixels that are right.",
    "balanced-accuracy": (
        "Mean recall of the classes in the truth: pixel accuracy if all classes were equally frequent."
    ),
    "class-accuracy": "Accuracy of each class against the rest. High for every rare class, so read it beside its IoU.",
    "fwiou": "IoU of the classes, weighted by their share of the truth.",
    "kappa": "Cohen's kappa (Cohen 1960): agreement beyond what the marginal frequencies give by chance.",
    "mcc": (
        'Matthews correlation of many classes: R_K of Gorodkin 2004, "Comparing two K-category assignments", eq. 8.'
    ),
}
_METRIC_ALIASES = {
    "miou": ("jaccard",),
    "f1": ("dice",),
    "recall": ("sensitivity",),
    "accuracy": ("pixel-accuracy",),
}
_POLICIES = {
    "none": "Changes nothing: the crop alone is random.",
    "light": "Mirroring, a little scale and light. Safe where left and right do not matter, but up and down do.",
    "standard": "For scenes with an up and a down: mirroring, small rotations, scale, colour.",
    "strong": (
        "For images without an up or a down (microscopy, from above): every turn, deformation, colour, blur, noise."
    ),
}


@hookimpl
def segport_architectures() -> Entries:
    """The zoo's architectures."""
    return _entries(Kind.ARCHITECTURE, _ARCHITECTURES, _architecture)


@hookimpl
def segport_encoders() -> Entries:
    """The zoo's encoders."""
    return _entries(Kind.ENCODER, _ENCODERS, _encoder, _ENCODER_ALIASES)


@hookimpl
def segport_losses() -> Entries:
    """Loss formulas."""
    return _entries(Kind.LOSS, _LOSSES, _loss)


@hookimpl
def segport_metrics() -> Entries:
    """Metrics on confusion counts."""
    return _entries(Kind.METRIC, _METRICS, _metric, _METRIC_ALIASES)


@hookimpl
def segport_augmentations() -> Entries:
    """Presets of the augmentation policy; every field of the policy is an option."""
    return _entries(Kind.AUGMENTATION, _POLICIES, _policy)


def _entries(
    kind: Kind,
    summaries: Mapping[str, str],
    load: Callable[[str], Factory],
    aliases: Mapping[str, tuple[str, ...]] = {},
) -> Entries:
    return [Entry(kind, name, text, partial(load, name), aliases.get(name, ())) for name, text in summaries.items()]


def _architecture(name: str) -> Factory:
    from ..domain.architecture.zoo import ARCHITECTURES

    return ARCHITECTURES[name].load


def _encoder(name: str) -> Factory:
    from ..domain.architecture.zoo import ENCODERS

    return ENCODERS[name].load


def _loss(name: str) -> Factory:
    from ..domain.losses.catalogue import LOSSES

    return LOSSES[name]


def _metric(name: str) -> Factory:
    from ..domain.metrics.overlap import metric

    return type(metric(name))


def _policy(name: str) -> Factory:
    from ..domain.augmentation.policy import AugmentationPolicy

    preset: AugmentationPolicy = getattr(AugmentationPolicy, name)()

    def make(**options: Any) -> AugmentationPolicy:
        return attrs.evolve(preset, **options)

    fields = inspect.signature(AugmentationPolicy).parameters.values()
    own = [field.replace(default=getattr(preset, field.name)) for field in fields]
    make.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    make.__doc__ = AugmentationPolicy.__doc__
    return make
