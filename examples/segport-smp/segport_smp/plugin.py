"""What this package offers, by names and words alone: importing it imports neither torch nor smp."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from segport.plugins import Entries, Entry, Kind, hookimpl

SUMMARIES = {
    "unet": "U-Net; Ronneberger et al. 2015",
    "unetplusplus": "U-Net++; Zhou et al. 2018",
    "manet": "MA-Net, attention between features; Fan et al. 2020",
    "linknet": "LinkNet; Chaurasia and Culurciello 2017",
    "fpn": "Feature pyramid; Kirillov et al. 2019",
    "pspnet": "PSPNet; Zhao et al. 2016",
    "deeplabv3": "DeepLabV3; Chen et al. 2017",
    "deeplabv3plus": "DeepLabV3+; Chen et al. 2018",
    "pan": "Pyramid attention network; Li et al. 2018",
    "upernet": "UPerNet; Xiao et al. 2018",
    "segformer": "SegFormer; Xie et al. 2021",
    "dpt": "DPT, on a vision transformer; Ranftl et al. 2021",
}
"""By the names of smp's own ``create_model``."""


def _load(arch: str) -> Callable[..., Any]:
    from .torchvision import make_importable

    make_importable()
    from .architecture import factory

    return factory(arch)


@hookimpl
def segport_architectures() -> Entries:
    """Every architecture of smp, as "smp-unet" and so on."""
    needs, install = ("torch", "segmentation_models_pytorch"), "pip install segmentation_models_pytorch"
    for arch, summary in SUMMARIES.items():
        load, words = partial(_load, arch), f"smp's {summary}"
        yield Entry(Kind.ARCHITECTURE, f"smp-{arch}", words, load, requires=needs, install=install, framework="torch")
