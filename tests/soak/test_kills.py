"""Killed at random moments and resumed each time, a run ends with the bytes of one that nobody disturbed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

KILLS = 40
"""Of each backend's training."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EPOCHS = 12
FLAGS = ("--epochs", EPOCHS, "--rate", "0.01", "--log-every", "1", "--device", "cpu", "--quiet")


def same(run: Path, whole: Path) -> None:
    """Fails unless both hold the same checkpoints and rows, to the byte, and nothing half-written."""
    names = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == names
    for name in ("metrics.csv", *(f"checkpoints/{name}" for name in names)):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_training_killed_at_random_moments(forks, prepared: Path, tiny: tuple[str, ...], tmp_path: Path) -> None:
    train = ("train", prepared, *tiny, *FLAGS, "--backend", forks.backend, "--run")
    began = time.monotonic()
    forks.start(*train, tmp_path / "whole")
    assert forks.wait() == 0, forks.said.read_text()
    seconds = time.monotonic() - began

    chance, kills, runs = random.Random(41), 0, 0
    while kills < KILLS:
        run, code, runs = tmp_path / f"run-{runs}", -1, runs + 1
        while code != 0:
            go_on = ("train", "--resume", run, "--quiet") if (run / "run.toml").exists() else (*train, run)
            by = chance.choice(SIGNALS)
            code = forks.killed(*go_on, after=chance.uniform(0, seconds), by=by)
            assert code in (0, 130, -by), forks.said.read_text()
            kills += code != 0
        same(run, tmp_path / "whole")
    print(f"{forks.backend}: {kills} kills, {runs} runs")
