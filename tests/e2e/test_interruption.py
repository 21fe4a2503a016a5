"""Stopped or killed at any moment and resumed, a run ends with the same bytes as one that never was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from segport.cli.main import main

SEGPORT = Path(sys.executable).with_name("segport")
EPOCHS = 16
PROMISED = ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")


def command(prepared: Path, run: Path, tiny: tuple[str, ...]) -> list[str]:
    flags = ["--epochs", str(EPOCHS), "--rate", "0.01", "--log-every", "1", "--device", "cpu"]
    return [str(SEGPORT), "train", str(prepared), "--run", str(run), *tiny, *flags]


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory, tiny: tuple[str, ...]) -> Path:
    """A run that nobody disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert main([*command(prepared, run, tiny)[1:], "--quiet"]) == 0
    return run


def stopped(arguments: list[str], run: Path, number: signal.Signals, ready: Callable[[Path], bool]) -> tuple[int, str]:
    """Starts the command, sends it the signal as soon as the run is ready for it; exit code and stderr."""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not ready(run) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    return process.returncode, said


def epochs_done(run: Path) -> int:
    try:
        return len((run / "metrics.csv").read_text(encoding="utf-8").splitlines()) - 1
    except FileNotFoundError:
        return -1


def resumed(run: Path, whole: Path) -> None:
    assert main(["train", "--resume", str(run), "--quiet"]) == 0
    for name in PROMISED:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_ctrl_c_saves_says_how_to_go_on_and_resumes_to_the_same_bytes(
    prepared: Path, whole: Path, tmp_path: Path, tiny: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    code, said = stopped(command(prepared, run, tiny), run, signal.SIGINT, lambda run: epochs_done(run) >= 2)
    assert code == 130, said
    assert "Traceback" not in said
    assert f"segport train --resume {run}" in said
    assert "the state is saved" in said
    assert 2 <= epochs_done(run) < EPOCHS
    resumed(run, whole)


def test_killed_and_resumed(prepared: Path, whole: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    run = tmp_path / "run"
    code, said = stopped(command(prepared, run, tiny), run, signal.SIGKILL, lambda run: epochs_done(run) >= 3)
    assert code == -signal.SIGKILL, said
    assert 3 <= epochs_done(run) < EPOCHS
    resumed(run, whole)


def test_stopped_again_and_again(prepared: Path, whole: Path, tmp_path: Path, tiny: tuple[str, ...], cli) -> None:
    """In this process, asked to stop after every second update, most of them in the middle of an epoch."""
    from segport.application.settings import TrainSettings
    from segport.bootstrap import Toolkit
    from segport.domain.errors import RunInterruptedError

    run = tmp_path / "run"
    toolkit = Toolkit()
    configuration = toolkit.read_config(whole / "run.toml", "train")
    settings = toolkit.codec.from_values(TrainSettings, {**configuration, "run": run}, where="test")

    def patience(updates: int) -> Callable[[], bool]:
        left = iter(range(updates))
        return lambda: next(left, None) is None

    with pytest.raises(RunInterruptedError):
        toolkit.train(settings, stop=patience(0))
    for updates in (1, 2, 3, 5):
        with pytest.raises(RunInterruptedError, match="the state is saved"):
            Toolkit().train.resume(run, stop=patience(updates))
    Toolkit().train.resume(run)
    for name in PROMISED:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_run_killed_before_its_first_checkpoint_starts_again(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.toml").write_bytes((whole / "run.toml").read_bytes())
    resumed(run, whole)


def test_what_killed_commands_left_is_cleared_away(whole: Path, source: Path, tmp_path: Path) -> None:
    """A killed command removes nothing itself: the next one does, of its own place alone."""
    mine, others = tmp_path / ".out.0123abcd.partial", tmp_path / ".out.b.0123abcd.partial"
    for folder in (mine, others):
        (folder / "images").mkdir(parents=True)
        (folder / "images" / "a.png").write_bytes(b"half of it")
    assert main(["prepare", str(source), str(tmp_path / "out"), "--quiet"]) == 0
    assert sorted(os.listdir(tmp_path)) == [others.name, "out", "source"]
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.toml").write_bytes((whole / "run.toml").read_bytes())
    for name in (".metrics.0123abcd.tmp.csv", "checkpoints/.last.0123abcd.tmp.safetensors", ".lock"):
        (run / name).write_bytes(b"half of it")
    resumed(run, whole)
    assert not list(run.rglob(".*"))


def test_ctrl_c_while_preparing_leaves_nothing(tmp_path: Path, source: Path) -> None:
    """`prepare` interrupted at whatever moment: the place is either whole or not there."""
    out = tmp_path / "out"
    arguments = [str(SEGPORT), "prepare", str(source), str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".out.*.partial")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130), said
    assert "Traceback" not in said
    assert sorted(os.listdir(tmp_path)) in (["source"], ["out", "source"])
    assert (out / "dataset.toml").exists() == out.exists()
    assert out.exists() or process.returncode == 130


def test_a_run_killed_before_its_end_was_told_is_ended(whole: Path, tmp_path: Path, cli) -> None:
    """Its last checkpoint is there, its curves are not: nothing is trained again."""
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    shutil.rmtree(run / "plots")
    events = (run / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    assert "RunFinished" in events[-1]
    (run / "events.jsonl").write_text("".join(events[:-1]) + events[-1][:-20], encoding="utf-8")
    resumed(run, whole)
    assert (run / "plots" / "training.png").exists()
    cli("train", "--resume", run).failed(5, "finished")
