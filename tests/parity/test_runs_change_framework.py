"""A run begun in one framework goes on in the other, in the same folder, as if nothing had happened."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

from safetensors.numpy import load_file

from segport.application.settings import TrainSettings
from segport.bootstrap import Toolkit
from segport.domain.errors import RunInterruptedError
from segport.domain.terms import Precision

TOLERANCE = 1e-4
BOTH = ["torch", "tensorflow"]


def small(data: Path, run: Path, backend: str, **more: object) -> TrainSettings:
    return TrainSettings(
        data,
        run,
        model="unet:decoder_channels=[16,8]",
        encoder="plain:width=8,depth=3",
        size=(64, 64),
        batch=2,
        backend=backend,
        device="cpu",
        precision=Precision.FP32,
        epochs=3,
        workers=1,
        **more,
    )


def after(asked: int) -> Callable[[], bool]:
    """Asks to stop at the so-manieth question."""
    questions = iter(range(1, asked))
    return lambda: next(questions, None) is None


def events(run: Path, kind: str) -> list[dict]:
    lines = map(json.loads, (run / "events.jsonl").read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["event"] == kind]


def assert_close(found: np.ndarray, wanted: np.ndarray, what: str) -> None:
    assert np.abs(found - wanted).max() <= TOLERANCE * max(1.0, float(np.abs(wanted).max())), what


@pytest.mark.parametrize(("first", "second"), [BOTH, BOTH[::-1]])
def test_interrupted_in_one_and_resumed_in_the_other(first: str, second: str, prepared: Path, tmp_path: Path) -> None:
    toolkit, how = Toolkit(), {"optimizer": "adamw", "rate": 0.001, "clip": 0.5, "ema": 0.8}
    whole, run = tmp_path / "whole", tmp_path / "run"
    toolkit.train(small(prepared, whole, first, **how))
    with pytest.raises(RunInterruptedError):
        toolkit.train(small(prepared, run, first, **how), stop=after(5))  # of 4 updates an epoch: in the second
    created = (run / "run.toml").read_bytes()
    report = toolkit.train.resume(run, backend=second)
    assert (report.backend, report.epochs) == (second, 3)
    assert (run / "run.toml").read_bytes() == created

    starts = events(run, "RunStarted")
    assert [start["facts"]["backend"] for start in starts] == [first, second]
    assert [start["epoch"] for start in starts] == [0, 1]
    losses = [[event["metrics"]["train_loss"] for event in events(path, "EpochDone")] for path in (run, whole)]
    np.testing.assert_allclose(*losses, rtol=TOLERANCE)
    assert len(losses[0]) == 3
    found, wanted = (load_file(path / "checkpoints" / "last.safetensors") for path in (run, whole))
    assert set(found) == set(wanted)
    for name in wanted:
        assert_close(found[name], wanted[name], name)


def test_the_command_line_changes_the_framework_too(cli, prepared: Path, tmp_path: Path, tiny) -> None:
    run = tmp_path / "run"
    flags = ("--device", "cpu", "--precision", "fp32", "--workers", "1", "--epochs", "1")
    assert cli("train", prepared, "--run", run, *tiny, *flags).code == 0
    settings = (run / "run.toml").read_text(encoding="utf-8")
    (run / "run.toml").write_text(settings.replace("epochs = 1\n", "epochs = 2\n"), encoding="utf-8")
    said = cli("train", "--resume", run, "--backend", "tf", "--no-cache", "--workers", "2", "--json")
    assert said.code == 0, said.err
    assert (said.object["backend"], said.object["epochs"]) == ("tensorflow", 2)
    assert "going on after epoch 1" in said.err and "backend tensorflow" in said.err
    assert cli("evaluate", run, "--out", tmp_path / "out").code == 0


@pytest.mark.parametrize(("first", "second"), [BOTH, BOTH[::-1]])
def test_weights_of_one_are_fine_tuned_by_the_other(first: str, second: str, prepared: Path, tmp_path: Path) -> None:
    """At next to no rate the weights stay those taken over."""
    toolkit, taught, tuned = Toolkit(), tmp_path / "taught", tmp_path / "tuned"
    toolkit.train(small(prepared, taught, first, optimizer="sgd", rate=0.01))
    report = toolkit.train(small(prepared, tuned, second, optimizer="sgd", rate=1e-9, init_from=taught))
    assert report.transferred is not None
    assert report.transferred.reinitialised == report.transferred.left_over == ()
    found, wanted = (load_file(path / "checkpoints" / "best.safetensors") for path in (tuned, taught))
    for name in report.transferred.matched:
        if "running" not in name:  # statistics move without a rate
            assert_close(found[name], wanted[name], name)
