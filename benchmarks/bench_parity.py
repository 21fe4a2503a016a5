"""How far apart the backends are: one graph, the same weights and batches, float32 on the CPU.

    python benchmarks/bench_parity.py [--size 64] [--steps 8] [--rate 0.001]

Logits stand against the NumPy reference in float64, as the largest difference over all outputs of a deeply supervised
U-Net divided by the largest logit; weights are random with lively norms, so that differences grow with depth as they
would not in a trained model.

After that every backend trains from one seed on the same batches (SGD with momentum, gradient clipped to 1), and is
compared with the first: weights as the largest difference divided by max(1, the tensor's largest value), losses
relative, pixels counted elsewhere in the confusion matrix. "Rounding" is the first backend against itself, from first
weights half a unit in the last place away: what no two programs in float32 can be asked to stay under.
"""

from __future__ import annotations

import argparse

import numpy as np

from segport.adapters.reference.model import NumpyModel
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet50
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import Weights, initialise
from segport.domain.classes import ClassMap
from segport.domain.losses.combined import CeDice
from segport.domain.ports.backend import Backend, Capability, Precision, StepPlan, StepTally
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.optimizers import Sgd
from segport.plugins.conformance.subject import batch, lively, train
from segport.plugins.entries import Kind
from segport.plugins.registry import Registry

ENCODERS = {"plain": Plain(), "resnet18": ResNet18(), "resnet50": ResNet50()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3)
    options = parser.parse_args()
    backends = trainable()
    print("encoder   mode       backend      largest logit  difference to reference   relative  pixels changed")
    specs = {name: unet(encoder) for name, encoder in ENCODERS.items()}
    for name, spec in specs.items():
        for training in (False, True):
            forward(name, spec, backends, options.size, training)
    print(f"\nafter {options.steps} updates at {options.rate:g}{'weights':>30}{'losses':>11}   pixels")
    for name, spec in specs.items():
        trained(name, spec, backends, options)


def trainable() -> list[Backend]:
    """Every installed backend that trains."""
    registry = Registry()
    names = [n for n in registry.names(Kind.BACKEND.value) if not registry.entry(Kind.BACKEND, n).missing()]
    return [b for b in (registry.backend(n) for n in names) if Capability.TRAINING in b.capabilities]


def unet(encoder: Plain | ResNet18 | ResNet50) -> ModelSpec:
    graph = UNet(deep_supervision=True).graph(channels=3, outputs=3, encoder=encoder)
    names = ClassMap.of(["one", "two", "three"])
    return ModelSpec(graph, names, Task.MULTICLASS, Normalisation((0.4,) * 3, (0.25,) * 3), Fit.NATIVE, (64, 64))


def forward(encoder: str, spec: ModelSpec, backends: list[Backend], size: int, training: bool) -> None:
    weights = lively(spec.graph, 1)
    images = np.random.default_rng(2).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    right = NumpyModel(spec, weights, np.float64).logits(images, training=training)
    largest = max(float(np.abs(z).max()) for z in right)
    for backend in backends:
        model = backend.build(spec, weights, device="cpu", precision=Precision.FP32)
        found = model.logits(images, training=training)
        apart = max(float(np.abs(a - b).max()) for a, b in zip(found, right, strict=True))
        moved = int((found[0].argmax(-1) != right[0].argmax(-1)).sum())
        mode = "training" if training else "inference"
        print(
            f"{encoder:9} {mode:10} {backend.name:12} {largest:13.2f} {apart:24.1e} {apart / largest:10.1e} {moved:15d}"
        )


def trained(encoder: str, spec: ModelSpec, backends: list[Backend], options: argparse.Namespace) -> None:
    first = initialise(spec.graph, 0)
    signs = np.random.default_rng(0)
    rounded = {n: (w * (1 + 6e-8 * signs.choice([-1, 1], w.shape))).astype(np.float32) for n, w in first.items()}
    tally, weights = epoch(backends[0], spec, first, options)
    others = {backend.name: (backend, first) for backend in backends[1:]} | {"rounding": (backends[0], rounded)}
    for name, (backend, start) in others.items():
        there, weights_there = epoch(backend, spec, start, options)
        apart = max(float(np.abs(w - weights_there[n]).max() / max(1, np.abs(w).max())) for n, w in weights.items())
        loss = float(np.abs(tally.losses / there.losses - 1).max())
        moved = int(np.abs(tally.counts - there.counts).sum()) // 2
        against = f"{backends[0].name} against {name}"
        print(f"{encoder:9} {against:30} {apart:10.1e} {loss:10.1e} {moved:8d} of {tally.counts.sum()}")


def epoch(backend: Backend, spec: ModelSpec, first: Weights, options: argparse.Namespace) -> tuple[StepTally, Weights]:
    model = backend.build(spec, first, device="cpu", precision=Precision.FP32)
    session = backend.trainer(model, StepPlan(CeDice(), (1.0, *[0.5] * (len(spec.graph.outputs) - 1)), Sgd(), 1.0))
    train(session, [batch(spec, 4, (options.size, options.size), seed=i) for i in range(options.steps)], options.rate)
    return session.drain(), session.snapshot().weights


if __name__ == "__main__":
    main()
