"""Fifty races of real processes for one place: each time one does the work, and the work is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Race = Callable[..., list[tuple[int, str]]]
PROMISED = ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")
FLAGS = ("--epochs", 1, "--rate", "0.01", "--workers", 2, "--device", "cpu", "--quiet")
REFUSALS = {3, 5}


def refused(results: list[tuple[int, str]], *words: str) -> None:
    """Fails unless all but one were, each for one of the reasons."""
    assert sorted(code for code, _ in results)[0] == 0, results
    losers = [(code, said) for code, said in results if code]
    assert len(losers) == len(results) - 1, results
    for code, said in losers:
        assert code in REFUSALS, said
        assert any(reason in said for reason in words), said
        assert "Traceback" not in said


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("number", range(20))
def test_trainings_into_one_folder(
    number: int, prepared: Path, alone: Path, tmp_path: Path, tiny: tuple[str, ...], race: Race
) -> None:
    command = ["train", prepared, "--run", "run", *tiny, *FLAGS]
    refused(race(tmp_path, command, command, command), "Another training is running in run", "already holds a run")
    for name in PROMISED:
        assert (tmp_path / "run" / name).read_bytes() == (alone / name).read_bytes(), name
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.parametrize("number", range(10))
def test_a_new_training_and_two_resumes(
    number: int, prepared: Path, alone: Path, tmp_path: Path, tiny: tuple[str, ...], race: Race
) -> None:
    """Of a run that was killed before its first checkpoint."""
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "run.toml").write_bytes((alone / "run.toml").read_bytes())
    train, resume = ["train", prepared, "--run", "run", *tiny, *FLAGS], ["train", "--resume", "run", "--quiet"]
    results = race(tmp_path, train, resume, resume)
    known = ("Another training is running in run", "already holds a run", "is finished")
    # The new one is refused whenever it comes; it may be what kept both others out.
    if all(code for code, _ in results):
        assert race(tmp_path, resume)[0][0] == 0
    else:
        refused(results, *known)
    for name in PROMISED:
        assert (tmp_path / "run" / name).read_bytes() == (alone / name).read_bytes(), name


@pytest.mark.parametrize("number", range(20))
def test_preparations_of_one_folder(number: int, source: Path, tmp_path: Path, race: Race) -> None:
    command = ["prepare", source, "out", "--quiet"]
    refused(race(tmp_path, command, command, command), "is being made already", "already holds")
    (tmp_path / "alone").mkdir()
    ((code, said),) = race(tmp_path / "alone", command)
    assert code == 0, said
    assert tree(tmp_path / "out") == tree(tmp_path / "alone" / "out")
    assert not list(tmp_path.glob(".out*"))
