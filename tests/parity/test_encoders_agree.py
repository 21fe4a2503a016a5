"""The published encoders, drawn in each framework: the same features from the same weights as the reference's."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec

import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from segport.adapters.reference.model import NumpyModel
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import Conv, Resize
from segport.domain.architecture.zoo import ENCODERS
from segport.domain.classes import ClassMap
from segport.domain.ports.backend import Precision
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.plugins.conformance.subject import lively


def features(name: str) -> ModelSpec:
    """A model whose outputs are two mixtures of each feature's channels."""
    builder = GraphBuilder(3)
    mixed = []
    for i, feature in enumerate(ENCODERS[name].load().build(builder, IMAGE)):
        node = builder.add(Conv(2, 1, init="xavier"), feature, name=f"mixed{i}")
        mixed.append(builder.add(Resize("nearest"), node, IMAGE, name=f"resized{i}"))
    graph = builder.build(mixed)
    normalisation = Normalisation((0.4,) * 3, (0.25,) * 3)
    return ModelSpec(graph, ClassMap.of(["a", "b"]), Task.MULTICLASS, normalisation, Fit.NATIVE, (64, 64))


@pytest.mark.parametrize("name", ["vgg11", "mobilenet-v2", "efficientnet-b0", "convnext-tiny", "mit-b0"])
def test_features_agree_with_the_reference(name: str) -> None:
    spec = features(name)
    weights = lively(spec.graph, 1)
    images = np.random.default_rng(2).integers(0, 256, (1, 64, 32, 3), dtype=np.uint8)
    wanted = NumpyModel(spec, weights, np.float64).logits(images)
    for backend in (TorchBackend(), TensorflowBackend()):
        model = backend.build(spec, weights, device="cpu", precision=Precision.FP32)
        for i, (found, right) in enumerate(zip(model.logits(images), wanted, strict=True)):
            scale = float(np.abs(right).max())
            assert scale > 1e-3
            assert np.abs(found - right).max() <= 1e-4 * max(1.0, scale), f"{backend.name}, feature {i}"
