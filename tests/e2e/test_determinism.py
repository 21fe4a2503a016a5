"""The same command twice gives the same bytes, on each backend, whatever the number of loader threads."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from segport.cli.main import main

TIMED = ("run.toml", "events.jsonl", "log.txt")
"""Files of a run that say when it ran, how long it took, where it lies, and with how many threads."""
TIMES = {"images_per_second", "seconds", "started", "run", "data", "workers"}


def files(folder: Path) -> dict[str, bytes]:
    """Every file by its path, but for those that hold times."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return {name: data for name, data in found.items() if Path(name).name not in TIMED}


def timeless(value: Any) -> Any:
    """Values without those of ``TIMES``, at any depth."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return value


def same(one: Path, other: Path) -> None:
    first, second = files(one), files(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def work(prepared: Path, tiny: tuple[str, ...], backend: str, threads: int) -> None:
    """Trains, evaluates and predicts in the working directory."""
    loading = ("--workers", str(threads), "--quiet")
    flags = ("--epochs", "2", "--rate", "0.01", "--device", "cpu", "--backend", backend)
    assert main(["train", str(prepared), "--run", "run", *tiny, *flags, *loading]) == 0
    assert main(["evaluate", "run", "--panels", "1", *loading]) == 0
    images = [str(path) for path in sorted((prepared / "images").iterdir())[:3]]
    assert main(["predict", "run", *images, "--out", "masks", "--probabilities", "--quiet"]) == 0


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_training_evaluating_and_predicting(
    prepared: Path, tmp_path: Path, tiny: tuple[str, ...], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, metrics, matrices, pictures, pages and masks; and what the timed files say apart from times."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, threads in ((one, 1), (two, 4)):
        folder.mkdir()
        monkeypatch.chdir(folder)
        work(prepared, tiny, backend, threads)
    same(one, two)
    names = set(files(one))
    assert {"run/metrics.csv", "run/test.json", "run/report-test.html", "run/confusion/test.npz"} <= names
    assert {"run/checkpoints/last.safetensors", "run/checkpoints/best.safetensors"} <= names
    assert sum(name.startswith("masks/") for name in names) == 9 + 1  # and predictions.json
    configured = [timeless(tomllib.loads((folder / "run/run.toml").read_text())) for folder in (one, two)]
    assert configured[0] == configured[1]
    told = [(folder / "run/events.jsonl").read_text().splitlines() for folder in (one, two)]
    assert [timeless(json.loads(line)) for line in told[0]] == [timeless(json.loads(line)) for line in told[1]]


def test_generating_and_preparing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From two working directories: dataset.toml names its source as it was named."""
    size = ("--num-images", "10", "--height", "48", "--width", "40", "--min-shape-px", "8", "--max-shape-px", "24")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert main(["generate", "shapes", "raw", *size, "--quiet"]) == 0
        assert main(["prepare", "raw", "data", "--quiet"]) == 0
        assert main(["inspect", "data", "--augmented", "--samples", "4", "--quiet"]) == 0
    same(tmp_path / "one", tmp_path / "two")
    assert {"data/dataset.toml", "data/metadata.csv"} <= set(files(tmp_path / "one"))


def test_preparing_does_not_depend_on_the_order_in_which_a_folder_lists_its_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"one": sorted(source.rglob("*.*")), "two": sorted(source.rglob("*.*"), reverse=True)}
    for name, paths in made.items():
        for path in paths:
            target = tmp_path / name / "source" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        monkeypatch.chdir(tmp_path / name)
        assert main(["prepare", "source", "data", "--quiet"]) == 0
    same(tmp_path / "one", tmp_path / "two")
