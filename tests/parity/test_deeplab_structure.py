"""Our dilated ResNets and DeepLabV3 against the published structure, written out in torch by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segport.adapters.reference.model import run
from segport.domain.architecture.deeplabv3 import DeepLabV3
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet50
from segport.plugins.conformance.subject import lively

torch = pytest.importorskip("torch", exc_type=ModuleNotFoundError)
functional = torch.nn.functional


class Published:
    """Layers by torchvision's names, over a set of weights."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = {name: torch.from_numpy(array).double() for name, array in weights.items()}

    def unit(self, x: torch.Tensor, conv: str, norm: str, stride: int = 1, dilation: int = 1) -> torch.Tensor:
        kernel = self.weights[f"{conv}.weight"]
        padding = dilation * (kernel.shape[-1] // 2)
        x = functional.conv2d(x, kernel, stride=stride, padding=padding, dilation=dilation)
        arrays = (self.weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *arrays, eps=1e-5)

    def bottleneck(self, x: torch.Tensor, name: str, stride: int, dilation: int) -> torch.Tensor:
        y = torch.relu(self.unit(x, f"{name}.conv1", f"{name}.bn1"))
        y = torch.relu(self.unit(y, f"{name}.conv2", f"{name}.bn2", stride, dilation))
        y = self.unit(y, f"{name}.conv3", f"{name}.bn3")
        if f"{name}.downsample.0.weight" in self.weights:
            x = self.unit(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
        return torch.relu(y + x)

    def resnet50(self, x: torch.Tensor, dilated: tuple[bool, bool, bool, bool]) -> torch.Tensor:
        x = torch.relu(self.unit(x, "encoder.conv1", "encoder.bn1", 2))
        x, dilation = functional.max_pool2d(x, 3, 2, 1), 1
        for layer, (blocks, wide) in enumerate(zip((3, 4, 6, 3), dilated, strict=True), 1):
            before, stride = dilation, 1 if layer == 1 or wide else 2
            dilation = 2 * dilation if wide else dilation
            x = self.bottleneck(x, f"encoder.layer{layer}.0", stride, before)
            for block in range(1, blocks):
                x = self.bottleneck(x, f"encoder.layer{layer}.{block}", 1, dilation)
        return x

    def aspp(self, x: torch.Tensor, rates: tuple[int, ...]) -> torch.Tensor:
        name = "classifier.0.convs"
        parts = [torch.relu(self.unit(x, f"{name}.0.0", f"{name}.0.1"))]
        for i, rate in enumerate(rates, 1):
            parts.append(torch.relu(self.unit(x, f"{name}.{i}.0", f"{name}.{i}.1", dilation=rate)))
        last = f"{name}.{len(rates) + 1}"
        mean = torch.relu(self.unit(functional.adaptive_avg_pool2d(x, 1), f"{last}.1", f"{last}.2"))
        parts.append(functional.interpolate(mean, x.shape[2:], mode="bilinear", align_corners=False))
        return torch.relu(self.unit(torch.cat(parts, 1), "classifier.0.project.0", "classifier.0.project.1"))

    def head(self, x: torch.Tensor, conv: str, norm: str, last: str, size: tuple[int, int]) -> torch.Tensor:
        x = torch.relu(self.unit(x, conv, norm))
        x = functional.conv2d(x, self.weights[f"{last}.weight"], self.weights[f"{last}.bias"])
        return functional.interpolate(x, size, mode="bilinear", align_corners=False)


@pytest.mark.parametrize(
    ("stride", "dilated"), [(16, (False, False, False, True)), (8, (False, False, True, True))], ids=["16", "8"]
)
def test_the_features_of_a_dilated_resnet_are_torchvisions(stride: int, dilated: tuple[bool, bool, bool, bool]) -> None:
    graph = DeepLabV3(channels=4).graph(channels=3, outputs=2, encoder=ResNet50(output_stride=stride))
    weights, image = lively(graph, 0), np.random.default_rng(1).normal(size=(1, 3, 32, 32))
    found = run(graph, weights, image)["encoder.layer4.2.relu"]
    expected = Published(weights).resnet50(torch.from_numpy(image), dilated).numpy()
    assert found.shape == expected.shape == (1, 2048, 32 // stride, 32 // stride)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_both_classifiers_are_torchvisions() -> None:
    graph = DeepLabV3(channels=8, rates=(2, 3), auxiliary=True).graph(channels=3, outputs=3, encoder=Plain(4, 4))
    weights, image = lively(graph, 0), np.random.default_rng(1).normal(size=(2, 3, 48, 40))
    found, published = run(graph, weights, image), Published(weights)
    deepest, before = (torch.from_numpy(found[f"encoder.stage{i}.1.act"]) for i in (3, 2))
    main = published.head(published.aspp(deepest, (2, 3)), "classifier.1", "classifier.2", "classifier.4", (48, 40))
    aside = published.head(before, "aux_classifier.0", "aux_classifier.1", "aux_classifier.4", (48, 40))
    for name, expected in zip(graph.outputs, (main, aside), strict=True):
        assert expected.std() > 1e-3
        np.testing.assert_allclose(found[name], expected.numpy(), rtol=1e-8, atol=1e-8)
