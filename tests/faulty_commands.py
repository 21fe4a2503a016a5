"""Commands on a file system that fails or dies with them: what must hold at whichever of their changes that is.

The quick tests take a few of the changes (tests/e2e/test_faulty_files.py), the long ones all of them
(tests/soak/test_faults.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from segport.adapters.storage.checkpoint import load_checkpoint
from segport.adapters.storage.runs import RunFolders
from segport.domain.architecture.weights import initialise
from segport.domain.errors import SegportError
from segport.domain.events import EpochDone, RunFinished, StepsDone
from segport.domain.ports.backend import TrainState
from segport.domain.ports.checkpoints import Checkpoint
from segport.tests.faulty_files import Crash, FaultyFiles, failing

EPOCHS = 2
FIRST_VERSION = Path(__file__).with_name("unit") / "checkpoint-v1.safetensors"

Choice = Callable[[int], Iterable[int]]
"""Which of so many changes are to fail, each in a try of its own."""


def few(most: int) -> Choice:
    """So many of them, spread evenly."""
    return lambda count: sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changes(command: Callable[[], object], *, removals: bool = False) -> int:
    """How many changes to files a command makes."""
    with FaultyFiles(removals=removals) as files:
        command()
    assert len(files.changes) > 5, files.changes
    return len(files.changes)


def trained(path: Path) -> None:
    """What a training does to its folder, begun or gone on with; the weights depend on the epoch alone."""
    store, spec = RunFolders(), load_checkpoint(FIRST_VERSION).spec
    with store.claim(path):
        run = store.open(path) if store.holds(path) else store.create(path, {"train": {"epochs": EPOCHS}})
        run.recover()
        last = run.last()
        begun = 0 if last is None or last.progress is None else int(last.progress["epoch"])
        run.rewind(begun)
        for epoch in range(begun + 1, EPOCHS + 1):
            weights = initialise(spec.graph, epoch)
            run.record(StepsDone(epoch, 1, 1, 0.5, 0.1, 10.0))
            run.record(EpochDone(epoch, {"val_miou": epoch / 10}, 0.1, 1.0, True))
            saved = Checkpoint(spec, weights, TrainState(weights, {}, epoch), {"epoch": epoch})
            run.save_best(saved, epoch=epoch, metric="miou", score=epoch / 10)
            run.save_last(saved)
        if not run.finished():
            run.record(RunFinished(str(path), EPOCHS, EPOCHS, 0.2, "miou", "done", 1.0))


def promised(run: Path) -> dict[str, bytes]:
    """All but the log of what happened, and the checkpoint before the last."""
    return {name: content for name, content in tree(run).items() if "events" not in name and "previous" not in name}


def a_run_survives_errors(folder: Path, number: int, choice: Choice) -> int:
    """Each error is said, naming the run; what has its final name is whole; going on ends with the same bytes."""
    trained(folder / "whole")
    whole, tried = promised(folder / "whole"), 0
    for at in choice(changes(lambda: trained(folder / "counted"))):
        run = folder / str(at)
        with FaultyFiles(at, failing(number)) as files, suppress(SegportError):
            try:
                trained(run)
            except SegportError as error:
                said = str(error)
                assert str(run) in said and os.strerror(number) in said, files.changes[at]
                raise
        left = promised(run) if run.exists() else {}
        assert not [name for name in left if "/." in f"/{name}"], files.changes[at]
        assert all(whole[name] == left[name] for name in left if "epoch-" in name or "run.toml" in name)
        trained(run)
        assert promised(run) == whole, files.changes[at]
        tried += 1
    return tried


def a_run_survives_crashes(folder: Path, choice: Choice) -> int:
    """Gone on with, it ends with the bytes of one that never crashed."""
    trained(folder / "whole")
    whole, tried = promised(folder / "whole"), 0
    for at in choice(changes(lambda: trained(folder / "counted"), removals=True)):
        run = folder / str(at)
        with FaultyFiles(at, removals=True) as files, pytest.raises(Crash):
            trained(run)
        trained(run)
        assert promised(run) == whole, files.changes[at]
        tried += 1
    return tried


def a_command_survives_errors(command: Callable[[], Any], out: Path, number: int, choice: Choice) -> int:
    """Each error is said, naming a file; what it left is whole; repeated, it writes what it would have written."""
    assert command().code == 0
    whole, beside, tried = tree(out), set(os.listdir(out.parent)), 0
    shutil.rmtree(out)
    for at in choice(changes(command)):
        shutil.rmtree(out, ignore_errors=True)
        with FaultyFiles(at, failing(number)) as files:
            said = command()
        if said.code:
            said.failed(3, os.strerror(number), out.name)
        left = tree(out)
        assert {name: whole[name] for name in left} == left, files.changes[at]
        assert set(os.listdir(out.parent)) <= beside, files.changes[at]
        if said.code:
            assert command().code == 0, files.changes[at]
        assert tree(out) == whole, files.changes[at]
        tried += 1
    return tried


@pytest.fixture
def prepare(cli, source: Path, tmp_path: Path) -> Callable[[], Any]:
    return lambda: cli("prepare", source, tmp_path / "out", "--quiet")


@pytest.fixture
def evaluate(cli, untrained: Path, prepared: Path, tmp_path: Path) -> Callable[[], Any]:
    flags = ("--data", prepared, "--backend", "reference", "--quiet", "--out", tmp_path / "out")
    return lambda: cli("evaluate", untrained, *flags)


@pytest.fixture
def predict(cli, untrained: Path, shapes: Path, tmp_path: Path) -> Callable[[], Any]:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for image in sorted((shapes / "images").iterdir())[:2]:
        shutil.copy(image, inputs)
    flags = ("--backend", "reference", "--overlays", "--probabilities", "--quiet", "--out", tmp_path / "out")
    return lambda: cli("predict", untrained, inputs, *flags)
