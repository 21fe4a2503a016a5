"""Images per second of a training step: segport's defaults against plain float32 NCHW torch, alternating in one run.

    python benchmarks/bench_step.py [--steps 8] [--rounds 2] [--batch 8] [--size 256] [--encoder resnet18]

Each side runs in a process of its own, since the allocator's setting holds for a whole process; rounds alternate so
that a busy neighbour slows both. "Plain" is what one would write by hand: the same module and weights, float32,
contiguous NCHW input normalised on the host, torch.optim.AdamW, ``.item()`` on the loss at every step. The tensorflow
sides run where TensorFlow is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

SIDES = ("plain", "torch fp32", "torch", "tensorflow fp32", "tensorflow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="steps a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--encoder", choices=["resnet18", "resnet34", "resnet50"], default="resnet18")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options)))
        return
    times: dict[str, list[float]] = {side: [] for side in SIDES if find_spec(framework(side))}
    for _ in range(options.rounds):
        for side in times:
            command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--side", side]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            times[side] += json.loads(output)
    report(times, options)


def framework(side: str) -> str:
    """What a side runs on."""
    return "tensorflow" if side.startswith("tensorflow") else "torch"


def report(times: dict[str, list[float]], options: argparse.Namespace) -> None:
    title = f"U-Net/{options.encoder}, batch {options.batch}, {options.size}x{options.size}"
    print(f"{title}, {os.cpu_count()} cores; median of {len(times['plain'])} steps")
    base = statistics.median(times["plain"])
    for side, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{side:16}{options.batch / median:7.2f} images/s {median:8.3f} s/step {base / median:6.2f} x plain")


def measure(options: argparse.Namespace) -> list[float]:
    """Seconds of each step but the first two."""
    step = plain_step(options) if options.side == "plain" else segport_step(options)
    seconds = []
    for _ in range(options.steps + 2):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


def segport_step(options: argparse.Namespace):
    from segport.domain.losses.crossentropy import BinaryCrossEntropy
    from segport.domain.ports.backend import Precision, StepPlan
    from segport.domain.training.optimizers import AdamW
    from segport.plugins.registry import Registry

    spec, weights, batch = problem(options)
    precision = Precision.FP32 if options.side.endswith("fp32") else Precision.AUTO
    backend = Registry().backend(framework(options.side))
    model = backend.build(spec, weights, precision=precision)
    session = backend.trainer(model, StepPlan(BinaryCrossEntropy(), (1.0,), AdamW()))
    fed = next(session.feed([batch]))

    def step() -> None:
        session.step(fed, 1e-3)
        session.drain()  # waits for the device, so that the time is the step's

    return step


def plain_step(options: argparse.Namespace):
    import numpy as np
    import torch

    from segport.adapters.torch.model import build_module

    spec, weights, batch = problem(options)
    module = build_module(spec)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    module.normalise = torch.nn.Identity()
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    mean, std = np.float32(spec.normalisation.mean), np.float32(spec.normalisation.std)
    pixels = (np.float32(batch.images) / 255 - mean) / std
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    truth = torch.from_numpy(batch.labels).float()
    loss_function = torch.nn.BCEWithLogitsLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss = loss_function(module(images)[0][:, 0], truth)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def problem(options: argparse.Namespace):
    import numpy as np

    from segport.domain.architecture.encoders.resnet import ResNet18, ResNet34, ResNet50
    from segport.domain.architecture.unet import UNet
    from segport.domain.architecture.weights import initialise
    from segport.domain.classes import ClassMap
    from segport.domain.resampling import Fit
    from segport.domain.samples import Batch, Task
    from segport.domain.spec import ModelSpec, Normalisation

    encoder = {"resnet18": ResNet18, "resnet34": ResNet34, "resnet50": ResNet50}[options.encoder]()
    graph = UNet().graph(channels=3, outputs=1, encoder=encoder)
    size = (options.size, options.size)
    normalisation = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    spec = ModelSpec(graph, ClassMap.binary("blob"), Task.BINARY, normalisation, Fit.NATIVE, size)
    images = np.random.default_rng(0).integers(0, 256, (options.batch, *size, 3), dtype=np.uint8)
    labels = (images.mean(axis=3) > 128).astype(np.uint8)
    return spec, initialise(graph, 0), Batch(images, labels, tuple(map(str, range(options.batch))))


if __name__ == "__main__":
    main()
