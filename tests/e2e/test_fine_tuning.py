"""Fine-tuning from the command line: a frozen encoder, a rate of its own, norms that stay; interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from segport.application.settings import TrainSettings
from segport.bootstrap import Toolkit
from segport.domain.errors import RunInterruptedError

FLAGS = ("--size", "64", "--batch", "4", "--workers", "1", "--rate", "0.01", "--init-from")


def encoder(run: Path, which: str = "last") -> dict[str, np.ndarray]:
    tensors = load_file(run / "checkpoints" / f"{which}.safetensors")
    return {name: array for name, array in tensors.items() if name.startswith("encoder.")}


def moved(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> set[str]:
    return {name for name, array in some.items() if not np.array_equal(array, others[name])}


def test_an_encoder_frozen_for_ever_ends_as_it_began(cli, prepared, trained, tmp_path) -> None:
    run = tmp_path / "run"
    said = cli("train", prepared, "--run", run, *FLAGS, trained, "--epochs", "2", "--freeze-encoder", "always")
    assert said.code == 0, said.err
    assert moved(encoder(run), encoder(trained, "best")) == set()
    slots = load_file(run / "checkpoints" / "last.safetensors")
    assert any(name.startswith("state/m/encoder.") for name in slots)


def settings(data: Path, run: Path, source: Path) -> TrainSettings:
    return TrainSettings(
        data,
        run,
        init_from=source,
        freeze_encoder=1,
        freeze_norms=True,
        encoder_rate=0.1,
        size=(64, 64),
        batch=4,
        epochs=3,
        rate=0.01,
        workers=1,
    )


def at(questions: Iterator[int], wanted: int) -> Callable[[], bool]:
    return lambda: next(questions) == wanted


def test_thawed_it_moves_but_for_its_norms_and_a_resume_ends_with_the_same_bytes(prepared, trained, tmp_path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    Toolkit().train(settings(prepared, whole, trained))
    kernels = moved(encoder(whole), encoder(trained, "best"))
    assert kernels
    assert not any(".norm." in name for name in kernels)
    with pytest.raises(RunInterruptedError):
        Toolkit().train(settings(prepared, run, trained), stop=at(count(), 2))  # asked within an epoch and after it
    header = (run / "checkpoints" / "last.safetensors").read_bytes()
    description = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]["segport"]
    assert json.loads(description)["frozen"] == 2
    Toolkit().train.resume(run)
    for name in ("metrics.csv", "checkpoints/last.safetensors"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_wrong_values_are_told(cli, prepared, trained, tmp_path) -> None:
    wrong = ("--freeze-encoder", "soon", "--encoder-rate", "0")
    said = cli("train", prepared, "--run", tmp_path / "run", *FLAGS, trained, *wrong)
    said.failed(2, "freeze_encoder", "a whole number, or always", "encoder_rate", "> 0")
    cli("train", prepared, "--freeze-encoder", "always").failed(2, "stay as random", "--encoder-weights imagenet")
