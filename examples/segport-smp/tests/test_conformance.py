"""Whether they are architectures: segport's own kit on a small encoder, and every one of them once."""

import numpy as np
import pytest
from segport_smp.plugin import SUMMARIES, segport_architectures

from segport.domain.classes import ClassMap
from segport.domain.ports.backend import Precision
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, imagenet
from segport.plugins.conformance import checks_of
from segport.plugins.registry import Registry

SIZE = (128, 160)
"""The smallest that the attention pyramid of smp-pan takes is 128."""
SMALL = {"dpt": {"encoder_name": "tu-vit_tiny_patch16_224", "decoder_fusion_channels": 32}}
"""The default encoder has 86 million parameters."""


@pytest.mark.parametrize("check", checks_of("architecture:smp-unet"), ids=str)
def test_it_conforms(check):
    check()


@pytest.mark.parametrize("arch", SUMMARIES)
def test_every_model_gives_logits_of_the_size_of_the_image(arch):
    registry = Registry()
    options = SMALL.get(arch, {"encoder_name": "resnet18"})
    graph = registry.architecture(f"smp-{arch}", options).graph(channels=3, outputs=4)
    classes = ClassMap.of(["sky", "sea", "land", "ice"])
    spec = ModelSpec(graph, classes, Task.MULTICLASS, imagenet(3), Fit.NATIVE, SIZE)
    torch = registry.backend("torch")
    model = torch.build(spec, torch.first_weights(graph, 0), device="cpu", precision=Precision.FP32)
    images = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3)).astype(np.uint8)
    (logits,) = model.logits(images)
    assert logits.shape == (1, *SIZE, 4)
    assert np.isfinite(logits).all()


def test_every_model_of_smp_is_offered():
    import segmentation_models_pytorch as smp

    assert set(SUMMARIES) == set(smp.MODEL_ARCHITECTURES_MAPPING)
    assert all(entry.framework == "torch" for entry in segport_architectures())
