"""Every architecture, small: torch and TensorFlow against the NumPy reference, from the same weights."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec

import attrs
import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from segport.adapters.reference.model import NumpyModel
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.torch.backend import TorchBackend
from segport.domain.architecture.deeplabv3 import DeepLabV3
from segport.domain.architecture.deeplabv3plus import DeepLabV3Plus
from segport.domain.architecture.encoders.mit import MixTransformer
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.fpn import FPN
from segport.domain.architecture.graph import Graph
from segport.domain.architecture.linknet import LinkNet
from segport.domain.architecture.operations import Dropout
from segport.domain.architecture.pspnet import PSPNet
from segport.domain.architecture.segformer import SegFormer
from segport.domain.architecture.unetplusplus import UNetPlusPlus
from segport.domain.classes import ClassMap
from segport.domain.losses.crossentropy import CrossEntropy
from segport.domain.ports.backend import Precision, StepPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.optimizers import Sgd
from segport.plugins.conformance.subject import batch, lively, train

BACKENDS = (TorchBackend(), TensorflowBackend())
TOLERANCE = 1e-4
SMALL = Plain(width=4, depth=4)


class SmallTransformer(MixTransformer):
    """One block a stage."""

    channels, blocks = (4, 8, 10, 16), (1, 1, 1, 1)


CASES = {
    "unet++": (UNetPlusPlus((16, 8, 8), deep_supervision=True, output="averaged"), SMALL),
    "deeplabv3": (DeepLabV3(channels=8, rates=(2, 3, 9), auxiliary=True), SMALL),
    "deeplabv3+": (DeepLabV3Plus(channels=8, fine_channels=4, rates=(1, 2)), SMALL),
    "fpn": (FPN(pyramid_channels=8, channels=8), SMALL),
    "pspnet": (PSPNet(channels=8, auxiliary=True), SMALL),
    "linknet": (LinkNet(), SMALL),
    "segformer": (SegFormer(channels=8), SmallTransformer()),
}


def without_dropout(graph: Graph) -> Graph:
    """What is dropped is each framework's own affair, so nothing is."""
    nodes = [attrs.evolve(n, operation=Dropout(0.0)) if isinstance(n.operation, Dropout) else n for n in graph.nodes]
    return attrs.evolve(graph, nodes=tuple(nodes))


def spec_of(name: str) -> ModelSpec:
    model, encoder = CASES[name]
    graph = without_dropout(model.graph(channels=3, outputs=3, encoder=encoder))
    classes = ClassMap.of(["a", "b", "c"])
    return ModelSpec(graph, classes, Task.MULTICLASS, Normalisation((0.4,) * 3, (0.25,) * 3), Fit.NATIVE, (32, 48))


@pytest.mark.parametrize("name", CASES)
def test_logits_agree(name: str) -> None:
    spec = spec_of(name)
    weights, images = lively(spec.graph, 1), batch(spec, 2, (32, 48)).images
    reference = NumpyModel(spec, weights, np.float64).logits(images)
    for backend in BACKENDS:
        model = backend.build(spec, weights, device="cpu", precision=Precision.FP32)
        for found, right in zip(model.logits(images), reference, strict=True):
            assert np.abs(right).max() > 0.01
            np.testing.assert_allclose(found, right, rtol=0, atol=TOLERANCE * max(1.0, np.abs(right).max()))


@pytest.mark.parametrize("name", ["unet++", "deeplabv3+", "pspnet", "segformer"])
def test_an_update_leaves_the_same_weights(name: str) -> None:
    spec = spec_of(name)
    weights, data = lively(spec.graph, 1), batch(spec, 2, (32, 48))
    plan = StepPlan(CrossEntropy(), (1.0,) * len(spec.graph.outputs), Sgd())
    after = []
    for backend in BACKENDS:
        session = backend.trainer(backend.build(spec, weights, device="cpu", precision=Precision.FP32), plan)
        train(session, [data], 0.01)
        after.append(session.snapshot().weights)
    for tensor, right in after[0].items():
        np.testing.assert_allclose(after[1][tensor], right, rtol=0, atol=TOLERANCE, err_msg=tensor)
    assert any(np.abs(after[0][tensor] - weights[tensor]).max() > 10 * TOLERANCE for tensor in weights)
