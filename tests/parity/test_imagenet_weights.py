"""Published ImageNet weights in our graph know what is on real photographs, on every backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.storage.pretrained import load_pretrained
from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.mobilenet import MobileNetV2
from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import Conv, GlobalPool
from segport.domain.architecture.weights import mismatch
from segport.domain.classes import ClassMap
from segport.domain.ports.backend import Precision
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.plugins.registry import Registry

pytestmark = pytest.mark.data

PHOTOGRAPHS = {"chelsea.png": 285, "coffee.png": 967, "rocket.jpg": 812}
"""An Egyptian cat, an espresso, a space shuttle: ImageNet's numbers of them."""
NEEDS = {"reference": "numpy", "torch": "torch", "tensorflow": "tensorflow"}


@pytest.fixture(scope="module")
def classifier() -> ModelSpec:
    """MobileNetV2 as published: the encoder, pooled, and a linear layer as a 1x1 convolution."""
    builder = GraphBuilder(3)
    features = MobileNetV2().build(builder, IMAGE)
    pooled = builder.add(GlobalPool(), features[-1], name="pool")
    graph = builder.build([builder.add(Conv(1000, 1, bias=True), pooled, name="classifier.1")])
    imagenet = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    # A class map has room for 255 names; logits, which are all that is looked at here, need none.
    return ModelSpec(graph, ClassMap.of(["thing"]), Task.MULTICLASS, imagenet, Fit.STRETCH, (224, 224))


@pytest.fixture(scope="module")
def weights(classifier: ModelSpec, data_root: Path) -> dict[str, np.ndarray]:
    """The published file: torchvision's names, of which the encoder's get a prefix and nothing else."""
    published = load_pretrained(data_root / "weights/mobilenet_v2.tv_in1k.safetensors").weights
    found = {name if name.startswith("classifier") else f"encoder.{name}": array for name, array in published.items()}
    found["classifier.1.weight"] = found["classifier.1.weight"][:, :, None, None]
    assert mismatch(classifier.graph, found) == []
    return found


@pytest.fixture(scope="module")
def images(data_root: Path) -> np.ndarray:
    """As the weights were validated: the shorter side 256 pixels, of which the centre 224 x 224."""
    return np.stack([centre(data_root / "photos" / name) for name in PHOTOGRAPHS])


def centre(path: Path) -> np.ndarray:
    with Pillow.open(path) as photograph:
        scale = 256 / min(photograph.size)
        size = (round(photograph.width * scale), round(photograph.height * scale))
        small = photograph.convert("RGB").resize(size, Pillow.Resampling.BILINEAR)
    left, top = ((side - 224) // 2 for side in size)
    return np.asarray(small.crop((left, top, left + 224, top + 224)))


@pytest.mark.parametrize("backend", NEEDS)
def test_the_first_guess_for_each_photograph_is_right(backend: str, classifier, weights, images) -> None:
    pytest.importorskip(NEEDS[backend], exc_type=ModuleNotFoundError)
    model = Registry().backend(backend).build(classifier, weights, device="cpu", precision=Precision.FP32)
    (logits,) = model.logits(images)
    assert logits.shape == (len(images), 1, 1, 1000)
    assert logits.reshape(len(images), -1).argmax(axis=1).tolist() == list(PHOTOGRAPHS.values())
