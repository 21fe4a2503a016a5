"""What the training loop costs on top of the steps it makes.

    python benchmarks/bench_loop.py

1. Microseconds a step of the loop over a backend that does nothing, for short and long epochs. Goal: at most 5.
2. The loop and our torch session against a bare torch loop of ten lines: the same module, batches, precision, fused
   optimizer and number of readings, but no counting and no ignored pixels. Rounds alternate, so that a busy neighbour
   slows both; the median of the ratios of neighbouring rounds is printed. Goal: at most 3 %.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from segport.adapters.system.clock import SystemClock
from segport.application.training.loop import LoopPlan, TrainingLoop
from segport.application.training.progress import Progress
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.arrays import Counts
from segport.domain.classes import ClassMap
from segport.domain.losses.crossentropy import BinaryCrossEntropy
from segport.domain.ports.backend import EvalTally, Precision, StepPlan, StepTally, TrainState
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.resampling import Fit
from segport.domain.samples import Batch, Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.optimizers import AdamW
from segport.domain.training.schedules import Cosine, WarmUp
from segport.domain.training.selection import Best
from segport.domain.training.stopping import EarlyStopping

SIZE, BATCH = 128, 8
GRAPH = UNet((64, 32, 16)).graph(channels=3, outputs=1, encoder=Plain(width=16, depth=4))
NORMALISATION = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
SPEC = ModelSpec(GRAPH, ClassMap.binary("blob"), Task.BINARY, NORMALISATION, Fit.NATIVE, (SIZE, SIZE))
LOG_EVERY = 10


class NullSession:
    """Takes steps and does nothing."""

    def __init__(self) -> None:
        self.pending = 0

    def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
        return iter(batches)

    def step(self, batch: Any, rate: float) -> None:
        self.pending += 1

    def drain(self) -> StepTally:
        taken, self.pending = self.pending, 0
        return StepTally(np.full(taken, 0.5), np.zeros((2, 2), np.int64))

    def snapshot(self) -> TrainState:
        return TrainState({}, {}, 0)


class Unkept:
    """A run that keeps nothing."""

    path = Path("run")

    def save_last(self, checkpoint: Checkpoint) -> Path:
        return self.path

    def save_best(self, checkpoint: Checkpoint, *, epoch: int, metric: str, score: float) -> Path:
        return self.path


@attrs.frozen(eq=False)
class Same:
    """One batch over and over."""

    batch: Batch
    length: int

    def __len__(self) -> int:
        return self.length

    def batches(self, epoch: int, start: int = 0, shard: object = None) -> Iterator[Batch]:
        for _ in range(start, self.length):
            yield self.batch


def loop(session: Any, batch: Batch, steps: int) -> TrainingLoop:
    """One epoch of ``steps``, under the schedule of the recipe."""
    plan = LoopPlan(1, BATCH, 1e-3, WarmUp(Cosine(), 100), 1, "val_miou", 1, LOG_EVERY)
    return TrainingLoop(
        plan=plan,
        spec=SPEC,
        session=session,
        training=Same(batch, steps),
        validate=lambda: EvalTally([np.eye(2, dtype=np.int64)], np.zeros(1)),
        run=Unkept(),  # type: ignore[arg-type]
        clock=SystemClock(),
        emit=lambda event: None,
        stop=lambda: False,
    )


def run(made: TrainingLoop) -> None:
    counts: Counts = np.zeros((2, 2), np.int64)
    made(Progress(best=Best(), stopping=EarlyStopping(), counts=counts))


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def null_backend(rounds: int) -> None:
    batch = Batch(np.zeros((1, 1, 1, 3), np.uint8), np.zeros((1, 1, 1), np.uint8), ("a",))
    for steps in (100, 1000, 20_000):
        repeats = max(1, 10_000 // steps)
        times = []
        for _ in range(rounds):
            made = loop(NullSession(), batch, steps)
            times.append(min(seconds(lambda made=made: run(made)) for _ in range(repeats)) / steps * 1e6)
        print(f"null backend, epochs of {steps:6} steps: {statistics.median(times):6.2f} us a step (goal 5)")


def against_torch(steps: int, rounds: int) -> None:
    import torch

    from segport.adapters.torch.backend import TorchBackend

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8)
    batch = Batch(pixels, (pixels.mean(axis=3) > 128).astype(np.uint8), tuple(map(str, range(BATCH))))
    backend, weights = TorchBackend(), initialise(GRAPH, 0)
    session = backend.trainer(
        backend.build(SPEC, weights, device="cpu", precision=Precision.FP32),
        StepPlan(BinaryCrossEntropy(), (1.0,), AdamW()),
    )
    module = backend.build(SPEC, weights, device="cpu", precision=Precision.FP32).native.train()
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3, fused=True)
    criterion = torch.nn.BCEWithLogitsLoss()
    images, truth = torch.from_numpy(batch.images), torch.from_numpy(batch.labels).float()

    def by_hand() -> None:
        total = torch.zeros(())
        for i in range(steps):
            loss = criterion(module(images)[0][:, 0], truth)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
            if (i + 1) % LOG_EVERY == 0:
                total.item()

    service = loop(session, batch, steps)
    by_hand()
    run(service)
    pairs = [(seconds(by_hand), seconds(lambda: run(service))) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    hand, made = (statistics.median(side) / steps * 1e3 for side in zip(*pairs, strict=True))
    print(
        f"torch {torch.__version__}, {len(GRAPH.nodes)} nodes, batch {BATCH}, {SIZE}x{SIZE}: "
        f"by hand {hand:.1f} ms, segport {made:.1f} ms a step: {100 * (ratio - 1):+.1f} % (goal 3 %)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20, help="torch steps a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    null_backend(options.rounds)
    against_torch(options.steps, options.rounds)


if __name__ == "__main__":
    main()
