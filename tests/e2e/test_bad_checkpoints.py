"""Checkpoints that cannot be used, disks that are full, runs that diverge: what is said, and what is kept."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from segport.adapters.storage import run_folder
from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
from segport.domain.classes import ClassMap
from segport.domain.samples import Task


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to be spoilt."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("left", [0, 5, 300, -1])
def test_a_truncated_checkpoint(cli, run: Path, shapes: Path, left: int) -> None:
    best = run / "checkpoints" / "best.safetensors"
    content = best.read_bytes()[: left or 0]
    best.unlink()
    best.write_bytes(content)
    before = files(run)
    cli("evaluate", run).failed(5, str(best))
    out = run.parent / "predictions"
    cli("predict", run, shapes / "images", "--out", out).failed(5, str(best))
    assert not out.exists()
    assert files(run) == before


def test_a_resume_goes_on_from_the_checkpoint_before_a_damaged_last(cli, run: Path) -> None:
    """Its last epoch is trained again, to the same bytes."""
    before = {name: content for name, content in files(run).items() if name.endswith((".safetensors", ".csv"))}
    last = run / "checkpoints" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-100])
    (run / "metrics.csv").write_bytes(before["metrics.csv"][:-3])
    said = cli("train", "--resume", run)
    assert said.code == 0, said.err
    assert f"{last} is damaged" in said.err and "Its place is taken by the one before it." in said.err
    assert f"{run / 'metrics.csv'} is cut short" in said.err and "made anew of events.jsonl" in said.err
    assert {name: content for name, content in files(run).items() if name in before} == before
    assert "RunMended" in (run / "events.jsonl").read_text(encoding="utf-8")


def test_a_resume_reads_a_whole_checkpoint_once(cli, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(run_folder, "load_checkpoint", lambda path: read.append(path) or load_checkpoint(path))
    cli("train", "--resume", run).failed(5, "finished")
    assert read == [run / "checkpoints" / "last.safetensors"]


def test_where_no_checkpoint_is_whole_there_is_nothing_to_go_on_with(cli, run: Path) -> None:
    for name in ("last", "previous"):
        path = run / "checkpoints" / f"{name}.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
    before = files(run)
    cli("train", "--resume", run).failed(5, "last.safetensors is damaged", "previous.safetensors is damaged", "new run")
    assert files(run) == before


def test_a_file_that_is_no_checkpoint(cli, tmp_path: Path, prepared: Path) -> None:
    other = tmp_path / "model.pth"
    other.write_bytes(b"PK\x03\x04 something else altogether")
    cli("evaluate", other, "--data", prepared).failed(5, "model.pth is not a checkpoint", ".safetensors")


def test_a_run_that_is_not_there(cli, tmp_path: Path) -> None:
    cli("evaluate", tmp_path / "none").failed(5, "none does not exist", "segport train")
    cli("predict", tmp_path / "none", tmp_path).failed(3, "no images")
    cli("train", "--resume", tmp_path / "none").failed(5, "none does not exist")


def test_a_checkpoint_for_other_classes(cli, run: Path, source: Path, tmp_path: Path) -> None:
    assert cli("prepare", source, tmp_path / "cells").code == 0
    said = cli("evaluate", run, "--data", tmp_path / "cells", "--out", tmp_path / "out")
    said.failed(5, "rectangle", "cell", "same classes")
    assert not (tmp_path / "out").exists()


def test_a_split_that_is_not_there(cli, trained: Path, tmp_path: Path) -> None:
    said = cli("evaluate", trained, "--split", "holding", "--out", tmp_path / "out")
    assert said.code in (2, 3)
    assert "holding" in said.err
    assert "train" in said.err
    assert not (tmp_path / "out").exists()


def test_a_run_is_not_overwritten(cli, run: Path, prepared: Path, tiny) -> None:
    before = files(run)
    said = cli("train", prepared, "--run", run, *tiny, "--epochs", "1")
    said.failed(5, "already holds a run", f"--resume {run}", "--run")
    assert files(run) == before


def test_a_finished_run_is_not_resumed(cli, run: Path) -> None:
    before = files(run)
    cli("train", "--resume", run).failed(5, "finished", "3 epochs")
    assert files(run) == before


def test_a_run_goes_on_with_the_data_it_began_with(cli, tmp_path: Path, source: Path, tiny) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    assert cli("prepare", source, data).code == 0
    assert cli("train", data, "--run", run, *tiny, "--epochs", "1").code == 0
    shutil.rmtree(data)
    assert cli("prepare", source, data, "--seed", "5").code == 0
    cli("train", "--resume", run).failed(3, str(data), "fingerprint", "Prepare it again")


def test_a_loss_that_is_not_finite_stops_the_run(cli, run: Path) -> None:
    """A run goes on at a rate that must explode: what was saved before stays, to the byte, and can be used."""
    settings = (run / "run.toml").read_text(encoding="utf-8")
    changed = settings.replace("epochs = 3", "epochs = 9").replace("rate = 0.01", "rate = 1e38")
    (run / "run.toml").write_text(changed, encoding="utf-8")
    before = files(run / "checkpoints")
    cli("train", "--resume", run).failed(6, "loss became", "in epoch 4", "is kept", str(run), "--rate")
    assert files(run / "checkpoints") == before
    assert cli("evaluate", run).code == 0
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert "loss became" in json.dumps(events[-1])


def test_a_loss_that_never_was_finite(cli, prepared: Path, tmp_path: Path, tiny) -> None:
    said = cli("train", prepared, "--run", tmp_path / "run", *tiny, "--epochs", "2", "--rate", "1e30", "--clip", "0")
    said.failed(6, "loss became", "--rate")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not list((tmp_path / "run").rglob(".*"))


def test_a_full_disk_keeps_the_last_good_checkpoint(
    cli, prepared: Path, tmp_path: Path, tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second epoch's checkpoints find no room; what the first wrote can be used and gone on with."""
    from segport.adapters.storage import checkpoint

    save, saved = checkpoint.save_file, []

    def full(tensors, path, metadata) -> None:
        if len(saved) >= 2:  # best and last of the first epoch
            Path(path).write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(tensors, path, metadata)
        saved.append(path)

    run = tmp_path / "run"
    monkeypatch.setattr(checkpoint, "save_file", full)
    said = cli("train", prepared, "--run", run, *tiny, "--epochs", "2", "--workers", "1")
    said.failed(5, "No space left on device", str(run), "Free some space")
    monkeypatch.undo()
    assert not [path for path in run.rglob("*") if ".tmp" in path.name]
    assert cli("evaluate", run, "--out", tmp_path / "out").code == 0
    assert cli("train", "--resume", run).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here; the simulated full disk is tested anyway")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(cli, small_disk: Path, prepared: Path, tiny) -> None:
    run = small_disk / "run"
    flags = ("--epochs", "200", "--workers", "1", "--validate-every", "1")
    assert cli("train", prepared, "--run", run, *tiny, "--epochs", "1", "--quiet").code == 0
    size = sum(len(content) for content in files(run).values())
    shutil.rmtree(run)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * ((1 << 20) - size - 60_000))
    said = cli("train", prepared, "--run", run, *tiny, *flags)
    said.failed(5, "No space left on device", str(run))
    assert not [path for path in run.rglob("*") if ".tmp" in path.name]
    ballast.unlink()
    assert cli("evaluate", run, "--out", small_disk.parent / "out").code == 0


def test_a_place_where_no_run_can_be(cli, tmp_path: Path, prepared: Path, tiny) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cli("train", prepared, "--run", tmp_path / "file" / "run", *tiny).failed(5, "cannot be made")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/segport-escaped", "a:b"])
def test_the_classes_of_a_checkpoint_choose_no_folders(
    cli, untrained: Path, shapes: Path, tmp_path: Path, name
) -> None:
    """A multilabel model writes its masks into a folder a class."""
    given = load_checkpoint(untrained)
    classes = ClassMap.of([name, *given.spec.classes.names[1:]])
    spec = attrs.evolve(given.spec, task=Task.MULTILABEL, classes=classes)
    save_checkpoint(tmp_path / "evil.safetensors", attrs.evolve(given, spec=spec))
    out = tmp_path / "deep" / "out"
    said = cli("predict", tmp_path / "evil.safetensors", shapes / "images", "--out", out)
    said.failed(3, f"The class {name!r} cannot be a folder's name")
    assert sorted(os.listdir(tmp_path)) == ["evil.safetensors"]
