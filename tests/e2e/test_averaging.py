"""A run with a moving average of the weights: what is validated and kept, what a resume goes on with."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from segport.application.settings import EvaluateSettings, TrainSettings
from segport.bootstrap import Toolkit
from segport.cli.main import main
from segport.domain.errors import RunInterruptedError

DECAY = 0.9


@pytest.fixture(scope="module")
def run(prepared: Path, tmp_path_factory: pytest.TempPathFactory, tiny: tuple[str, ...]) -> Path:
    """Three epochs of two updates."""
    run = tmp_path_factory.mktemp("averaged") / "run"
    flags = ("--epochs", "3", "--rate", "0.01", "--workers", "1", "--device", "cpu", "--ema", str(DECAY), "--quiet")
    assert main(["train", str(prepared), "--run", str(run), *tiny, *flags]) == 0
    return run


def tensors(run: Path, which: str) -> dict[str, np.ndarray]:
    return load_file(run / "checkpoints" / f"{which}.safetensors")


def test_last_holds_the_averages_as_its_weights_and_the_trained_ones_beside_them(run: Path) -> None:
    assert f"ema = {DECAY}" in (run / "run.toml").read_text(encoding="utf-8")
    last = tensors(run, "last")
    trained = [name.removeprefix("state/weights/") for name in last if name.startswith("state/weights/")]
    assert {name for name in last if not name.startswith("state/")} == set(trained)  # running statistics as well
    assert not [name for name in last if name.startswith("state/averages/")]


def test_the_best_checkpoint_has_the_score_that_its_epoch_was_given(run: Path, tmp_path: Path) -> None:
    """So it holds the weights that were validated."""
    rows = csv.DictReader((run / "metrics.csv").read_text(encoding="utf-8").splitlines())
    scored = Toolkit().evaluate(EvaluateSettings(run, split="val", out=tmp_path, panels=0, calibration=False))
    (found,) = (score.value for score in scored.scores if score.name == "miou")
    assert found == pytest.approx(max(float(row["val_miou"]) for row in rows), abs=1e-6)


def test_stopped_within_each_epoch_and_after_it_it_ends_with_the_same_bytes(run: Path, tmp_path: Path) -> None:
    toolkit, again = Toolkit(), tmp_path / "run"
    configuration = toolkit.read_config(run / "run.toml", "train")
    settings = toolkit.codec.from_values(TrainSettings, {**configuration, "run": again}, where="test")

    with pytest.raises(RunInterruptedError):
        toolkit.train(settings, stop=lambda: True)
    for where in ("after epoch 1", "after 1 of 2 steps", "after epoch 2", "after 1 of 2 steps"):
        with pytest.raises(RunInterruptedError, match=where):
            Toolkit().train.resume(again, stop=lambda: True)
    Toolkit().train.resume(again)
    for name in ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name


@pytest.mark.parametrize("decay", ["1", "-0.1", "1.5"])
def test_other_decays_are_refused(cli, prepared: Path, decay: str) -> None:
    cli("train", prepared, "--ema", decay).failed(2, "ema", decay)
