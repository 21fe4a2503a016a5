"""Runs side by side: what differs, what came of it, and what cannot be compared."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segport.adapters.reporting import reporter
from segport.adapters.reporting.comparison import run_curves
from segport.adapters.storage.results import ResultFiles
from segport.adapters.storage.runs import RunFolders
from segport.domain.events import EpochDone


def make(path: Path, scores: list[float], **train: Any) -> Path:
    """A run as training leaves it, with these validation scores."""
    common = {"data": "/data/shapes", "run": str(path), "monitor": "miou", "size": [64, 64], "track": ["log"]}
    configuration = {"train": {**common, **train}, "compute": {"device": "cpu", "precision": "fp32"}}
    run = RunFolders().create(path, configuration)
    for epoch, score in enumerate(scores, 1):
        numbers = {"train_loss": 1 / epoch, "val_miou": score, "val_f1": score / 2}
        run.record(EpochDone(epoch, numbers, 1e-3, 2.0, improved=True))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    first = make(tmp_path / "first", [0.5, 0.75, 0.625], loss="ce-dice", encoder="resnet18")
    second = make(tmp_path / "second", [0.25], loss="lovasz-softmax", encoder="resnet18", clip=1.0)
    matrix = np.array([[6, 2], [2, 6]], np.int64)
    ResultFiles().save_confusions(first / "confusion" / "test.npz", ["a"], [matrix])
    return first, second


def test_only_what_differs_is_shown_with_the_best_of_each(cli, runs: tuple[Path, Path], tmp_path: Path) -> None:
    said = cli("compare", *runs, "--out", tmp_path / "curves.png", "--json").object
    first, second = said["runs"]
    assert first["differing"] == {"loss": "ce-dice", "clip": ""}
    assert second["differing"] == {"loss": "lovasz-softmax", "clip": "1.0"}
    assert [(run["name"], run["best_score"], run["best_epoch"], run["epochs"]) for run in said["runs"]] == [
        ("first", 0.75, 2, 3),
        ("second", 0.25, 1, 1),
    ]
    assert first["scores"]["miou"] == pytest.approx(0.6)
    assert second["scores"] == {}
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_people_get_a_table_and_the_command_for_what_was_not_scored(cli, runs: tuple[Path, Path], tmp_path) -> None:
    said = cli("compare", *runs, "--out", tmp_path / "curves.png")
    rows = {line.split("  ")[0].strip(): line.split() for line in said.out.splitlines()}
    assert rows["loss"][-2:] == ["ce-dice", "lovasz-softmax"]
    assert rows["test miou"][-1] == "0.6000"
    assert "encoder" not in rows
    assert f"segport evaluate {runs[1]} --split test" in said.out
    assert str(runs[0]) + "; segport evaluate" not in said.out


def test_runs_with_one_name_are_told_apart_by_their_path(cli, tmp_path: Path) -> None:
    paths = [make(tmp_path / folder / "run", [0.5]) for folder in "ab"]
    said = cli("compare", *paths, "--out", tmp_path / "curves.png", "--json").object
    assert [run["name"] for run in said["runs"]] == list(map(str, paths))
    assert [run["differing"] for run in said["runs"]] == [{}, {}]


def test_of_a_monitored_loss_the_lowest_is_best_and_its_curves_are_drawn(cli, tmp_path: Path, monkeypatch) -> None:
    drawn: list[list[str]] = []
    monkeypatch.setattr(reporter, "run_curves", lambda runs, columns: drawn.append(columns) or b"")
    first, second = (make(tmp_path / name, [0.5, 0.75], monitor="loss") for name in ("first", "second"))
    for epoch, loss in enumerate((0.5, 0.25, 0.25, math.nan, 0.375), 1):
        RunFolders().open(first).record(EpochDone(epoch, {"train_loss": 1, "val_loss": loss}, 1e-3, 2, improved=True))
    said = cli("compare", first, second, "--out", tmp_path / "curves.png", "--json").object
    assert [(run["best_score"], run["best_epoch"]) for run in said["runs"]] == [(0.25, 2), (None, 0)]
    cli("compare", second, make(tmp_path / "old", [0.5]), "--out", tmp_path / "curves.png")
    assert drawn == [["train_loss", "val_loss"], ["train_loss", "val_miou"]]


def test_a_run_before_its_first_validation_has_no_best(cli, runs: tuple[Path, Path], tmp_path: Path) -> None:
    young = make(tmp_path / "young", [math.nan])
    none = make(tmp_path / "none", [])
    said = cli("compare", runs[0], young, none, "--out", tmp_path / "curves.png", "--json").object
    assert [(run["best_score"], run["best_epoch"]) for run in said["runs"][1:]] == [(None, 0), (None, 0)]
    assert [run["epochs"] for run in said["runs"]] == [3, 1, 0]


def test_what_cannot_be_compared_is_said(cli, runs: tuple[Path, Path], tmp_path: Path) -> None:
    cli("compare", runs[0]).failed(2, "fewer than two runs", "segport compare")
    cli("compare", runs[0], runs[0]).failed(2, "fewer than two runs")
    cli("compare").failed(2)
    cli("compare", runs[0], tmp_path / "nowhere").failed(5, "nowhere does not exist")


def test_many_runs_can_be_told_apart() -> None:
    rows = {f"run {i}": [{"epoch": e, "train_loss": i + 1 / e, "val_miou": i / 20} for e in (1, 2)] for i in range(16)}
    assert run_curves(rows, columns=["train_loss", "val_miou"])[:4] == b"\x89PNG"
