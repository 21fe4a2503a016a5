"""Our ResNet graphs against the published structure, written out in torch by hand: same weights, same features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from segport.adapters.reference.model import run
from segport.domain.architecture.builder import GraphBuilder
from segport.domain.architecture.encoders.resnet import ResNet, ResNet18, ResNet34, ResNet50
from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import Resize
from segport.domain.architecture.weights import initialise

torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
functional = torch.nn.functional


class Published:
    """ResNet's forward pass as in He et al. 2015, with the stride of a bottleneck on its 3x3 convolution."""

    def __init__(self, weights: Mapping[str, np.ndarray], blocks: tuple[int, ...], bottleneck: bool) -> None:
        self.weights = {name.removeprefix("encoder."): torch.from_numpy(a).double() for name, a in weights.items()}
        self.blocks, self.bottleneck = blocks, bottleneck

    def conv(self, x: torch.Tensor, conv: str, norm: str, stride: int = 1) -> torch.Tensor:
        kernel = self.weights[f"{conv}.weight"]
        x = functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        arrays = (self.weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *arrays, eps=1e-5)

    def block(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        strides = (1, stride, 1) if self.bottleneck else (stride, 1)
        y = x
        for i, step in enumerate(strides, 1):
            y = self.conv(y, f"{name}.conv{i}", f"{name}.bn{i}", step)
            y = torch.relu(y) if i < len(strides) else y
        if f"{name}.downsample.0.weight" in self.weights:
            x = self.conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
        return torch.relu(y + x)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = [torch.relu(self.conv(x, "conv1", "bn1", 2))]
        x = functional.max_pool2d(features[0], 3, 2, 1)
        for layer, count in enumerate(self.blocks, 1):
            for i in range(count):
                x = self.block(x, f"layer{layer}.{i}", 2 if layer > 1 and i == 0 else 1)
            features.append(x)
        return features


@pytest.mark.parametrize(
    ("encoder", "blocks", "bottleneck"),
    [(ResNet18, (2, 2, 2, 2), False), (ResNet34, (3, 4, 6, 3), False), (ResNet50, (3, 4, 6, 3), True)],
)
def test_features_are_those_of_the_published_network(
    encoder: type[ResNet], blocks: tuple[int, ...], bottleneck: bool
) -> None:
    builder = GraphBuilder(3)
    names = encoder().build(builder, IMAGE)
    graph = builder.build([builder.add(Resize(), names[-1], IMAGE, name="up")])
    generator = np.random.default_rng(1)
    weights = initialise(graph, 0)
    for array in weights.values():  # norms that do something
        if array.ndim == 1:
            array += generator.uniform(0.0, 0.3, array.shape).astype(np.float32)
    image = generator.normal(size=(1, 3, 64, 32))
    ours = run(graph, weights, image)
    theirs = Published(weights, blocks, bottleneck).features(torch.from_numpy(image))
    for name, expected in zip(names, theirs, strict=True):
        assert expected.std() > 1e-3
        np.testing.assert_allclose(ours[name], expected.numpy(), rtol=1e-8, atol=1e-8)
