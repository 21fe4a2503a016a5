"""The whole way from shapes to masks, again and again in processes that differ in all that must not matter."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

TIMED = ("run.toml", "events.jsonl", "log.txt")
"""Files that say when a run was and how long it took; what they say besides, the quick test compares."""
SAME = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
VARIANTS = {
    "again": ({}, 1),
    "another hash seed": ({"PYTHONHASHSEED": "12345"}, 1),
    "a random hash seed and two loader threads": ({"PYTHONHASHSEED": "random"}, 2),
    "four loader threads": ({}, 4),
    "another place on earth": ({"TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "C", "COLUMNS": "40"}, 1),
    "optimised Python": ({"PYTHONOPTIMIZE": "1"}, 3),
}
SEGPORT = (sys.executable, "-c", "from segport.cli.main import main; raise SystemExit(main())")
COMMANDS = (
    "generate shapes raw --num-images 24 --height 96 --width 80 --min-shape-px 16 --max-shape-px 48",
    "prepare raw data --split 0.5,0.25,0.25 --holdout 2",
    "inspect data --augmented",
    "train data --run run --backend {backend} --encoder plain:width=8,depth=3 --size 64 --batch 4 --epochs 4 "
    "--device cpu --workers {workers}",
    "evaluate run --workers {workers}",
    "predict run raw/images --out masks --probabilities --tile 64 --overlap 16",
    "score masks raw/masks --classes data/class_dict.csv --out scores",
    "export run --to {export}",
)
EXPORTS = {"torch": "torch-state-dict", "tensorflow": "h5"}


def work(folder: Path, backend: str, variables: dict[str, str], workers: int) -> dict[str, str]:
    """Every file that the commands write, by its path, with its digest."""
    folder.mkdir()
    for line in COMMANDS:
        words = line.format(backend=backend, workers=workers, export=EXPORTS[backend]).split()
        environment = {**os.environ, **SAME, **variables}
        command = [*SEGPORT, *words, "--quiet"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in TIMED)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module", params=["torch", "tensorflow"])
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A backend, and what it wrote."""
    made = work(tmp_path_factory.mktemp("first") / "work", request.param, {}, 1)
    assert len(made) > 150
    return request.param, made


@pytest.mark.parametrize("what", VARIANTS)
def test_every_byte_but_times_is_the_same(first: tuple[str, dict[str, str]], what: str, tmp_path: Path) -> None:
    backend, made = first
    variables, workers = VARIANTS[what]
    other = work(tmp_path / "work", backend, variables, workers)
    assert other.keys() == made.keys()
    assert [name for name in made if made[name] != other[name]] == []
