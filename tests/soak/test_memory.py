"""The bounds on memory that docs/reliability.md states, by the benchmark that measured them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_memory.py"
LARGE, HUGE = 8_000, 20_000
BYTES_A_PIXEL = {
    ("native", "predict"): 16,
    ("native", "predict, probabilities"): 16,
    ("native", "predict, overlays"): 20,
    ("native", "evaluate"): 16,
    ("letterbox", "predict"): 16,
    ("letterbox", "predict, overlays"): 20,
    ("letterbox", "evaluate"): 16,
}
"""Beyond what a 2048x2048 image takes. Probabilities of a whole image in float32 would take 12 more by themselves."""


def measured(*arguments: str) -> dict[str, Any]:
    """What the benchmark found; printed, for docs/reliability.md."""
    command = [sys.executable, str(BENCHMARK), *arguments, "--json"]
    (line,) = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    print(line)
    return json.loads(line)


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
@pytest.mark.parametrize(
    ("side", "fit", "command"),
    [*((LARGE, *case) for case in BYTES_A_PIXEL), (HUGE, "native", "predict"), (HUGE, "native", "evaluate")],
)
def test_a_large_image_takes_so_many_bytes_a_pixel(backend: str, side: int, fit: str, command: str) -> None:
    found = measured("large", "--side", str(side), "--backends", backend, "--fits", fit, "--commands", command)
    assert found["bytes/pixel"] <= BYTES_A_PIXEL[fit, command], found


@pytest.mark.parametrize(
    ("command", "backend"),
    [
        ("prepare", "torch"),  # which it does not need
        *product(("predict, overlays", "evaluate", "evaluate, on the device"), ("torch", "tensorflow")),
    ],
)
def test_ten_thousand_images_take_what_a_thousand_take(command: str, backend: str) -> None:
    found = measured("small", "--images", "10000", "--backends", backend, "--commands", command)
    assert found["MiB"] <= found["1000 images MiB"] + 64, found


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_training_takes_after_twenty_epochs_what_it_took_after_three(backend: str) -> None:
    found = measured("training", "--epochs", "20", "--backends", backend)
    assert abs(found["percent"]) <= 3, found
