"""Killed at random moments, and at every change to a file, and gone on with: the end is that of nobody disturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from segport.tests.faulty_commands import tree

KILLS = 30
"""At random moments, of each backend's training, and of prepare."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
FLAGS = ("--rate", "0.01", "--log-every", "1", "--device", "cpu", "--quiet", "--backend")
STEP = {"torch": 3, "tensorflow": 10}
"""Every so many changes to files one is the last."""

Train = tuple[object, ...]


@pytest.fixture
def train(forks: Any, prepared: Path, tiny: tuple[str, ...]) -> Train:
    return ("train", prepared, *tiny, *FLAGS, forks.backend)


def go_on(train: Train, run: Path) -> Train:
    """What a user would type next."""
    return ("train", "--resume", run, "--quiet") if (run / "run.toml").exists() else (*train, "--run", run)


def same(run: Path, whole: Path) -> None:
    """Fails unless both hold the same checkpoints and rows, to the byte, and nothing half-written."""
    kept, expected = (
        {
            name: content
            for name, content in tree(folder).items()
            if name.startswith(("metrics", "checkpoints", ".", "plots/.")) and "previous" not in name
        }
        for folder in (run, whole)
    )
    assert kept == expected, sorted(kept)


def told(run: Path) -> list[bytes]:
    """What happened so far: about five lines an epoch."""
    events = run / "events.jsonl"
    return events.read_bytes().splitlines() if events.exists() else []


def finished(run: Path) -> bool:
    """Whether its end is the last thing told: there is nothing to go on with, but a dead process's lock may be left."""
    if not any(b"RunFinished" in line for line in told(run)[-1:]):
        return False
    (run / ".lock").unlink(missing_ok=True)
    return True


def wait_for(run: Path, events: int) -> None:
    """Until so many more are told, or the end: not by the clock, as machines are not equally fast."""
    wanted, deadline = len(told(run)) + events, time.monotonic() + 600
    while len(lines := told(run)) < wanted and not any(b"RunFinished" in line for line in lines):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_training_killed_at_random_moments(forks: Any, train: Train, tmp_path: Path) -> None:
    train = (*train, "--epochs", "12")
    assert forks.run(*train, "--run", tmp_path / "whole") == 0, forks.said.read_text()

    chance, kills, runs = random.Random(41), 0, 0
    while kills < KILLS:
        run, code, runs = tmp_path / f"run-{runs}", -1, runs + 1
        while code != 0 and not finished(run):
            process, by = forks.start(*go_on(train, run)), chance.choice(SIGNALS)
            wait_for(run, chance.randint(1, 20))
            time.sleep(chance.uniform(0, 0.05))
            os.kill(process, by)
            code = forks.wait()
            assert code in (0, 130, -by), forks.said.read_text()
            kills += code != 0
        same(run, tmp_path / "whole")
    print(f"train, {forks.backend}: {kills} kills at random moments, {runs} runs")


def test_a_training_killed_at_its_changes_to_files(forks: Any, train: Train, tmp_path: Path) -> None:
    train = (*train, "--epochs", "2")
    assert forks.run(*train, "--run", tmp_path / "whole") == 0, forks.said.read_text()
    at, kills, run = 0, 0, tmp_path / "0"
    while (code := forks.run(*train, "--run", run, at=at)) == -signal.SIGKILL:
        kills += 1
        assert finished(run) or forks.run(*go_on(train, run)) == 0, f"change {at}: {forks.said.read_text()}"
        same(run, tmp_path / "whole")
        at += STEP[forks.backend]
        run = tmp_path / str(at)
    assert code == 0 and kills > 5, forks.said.read_text()
    same(run, tmp_path / "whole")
    print(f"train, {forks.backend}: {kills} kills at changes to files")


@pytest.mark.parametrize("forks", ["none"], indirect=True)
def test_prepare_killed(forks: Any, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare = ("prepare", source, out, "--quiet")
    began = time.monotonic()
    assert forks.run(*prepare) == 0, forks.said.read_text()
    seconds, whole = time.monotonic() - began, tree(out)

    def repeated() -> None:
        """It is whole already, or its repetition leaves just that."""
        if not out.exists():
            assert forks.run(*prepare) == 0, forks.said.read_text()
            assert sorted(os.listdir(tmp_path)) == ["out", "source"]
        assert tree(out) == whole
        shutil.rmtree(out)

    shutil.rmtree(out)
    chance, random_kills = random.Random(41), 0
    for _ in range(KILLS):
        by = chance.choice(SIGNALS)
        code = forks.killed(*prepare, after=chance.uniform(0, seconds), by=by)
        assert code in (0, 130, -by), forks.said.read_text()
        random_kills += code != 0
        repeated()
    at = 0
    while (code := forks.run(*prepare, at=at)) == -signal.SIGKILL:
        at += 1
        repeated()
    assert code == 0, forks.said.read_text()
    print(f"prepare: {random_kills} kills at random moments, {at} at changes to files")
