"""A run's folder: what it keeps, what it refuses, and that the same run writes the same bytes."""

from __future__ import annotations

import errno
import gc
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import numpy as np
import pytest

from segport.adapters.storage.records import append_event
from segport.adapters.storage.results import ResultFiles
from segport.adapters.storage.run_folder import RunFolder
from segport.adapters.storage.runs import RunFolders
from segport.adapters.storage.seal import BLANK, seal
from segport.adapters.storage.toml import read_toml, write_toml
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError, DamagedCheckpointError, DataError, InvalidSpecError
from segport.domain.events import EpochDone, RunFinished, RunStarted
from segport.domain.ports.backend import TrainState
from segport.domain.ports.checkpoints import Checkpoint, Run, RunStore
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation

GRAPH = UNet((4,)).graph(channels=1, outputs=2, encoder=Plain(width=4, depth=2))
SPEC = ModelSpec(
    GRAPH, ClassMap.of(["a", "b"]), Task.MULTICLASS, Normalisation((0.5,), (0.5,)), Fit.NATIVE, (32, 32), "unet"
)


def checkpoint(seed: int) -> Checkpoint:
    weights = initialise(GRAPH, seed)
    return Checkpoint(SPEC, weights, TrainState(weights, {}, seed), {"epoch": seed})


CONFIGURATION = {"data": Path("a/b"), "size": (1, 2), "none": None, "loss": {"x": np.float64(0.1)}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    store: RunStore = RunFolders()
    return store.create(tmp_path / "runs" / "first", CONFIGURATION)


def step_of(loaded: Checkpoint) -> int | None:
    return loaded.state.step if loaded.state else None


def test_last_is_replaced_and_keeps_its_state(run: Run) -> None:
    for seed in (1, 2, 3):
        run.save_last(checkpoint(seed))
    assert [step_of(run.load(which)) for which in ("previous", "last")] == [2, 3]
    assert sorted(os.listdir(run.path / "checkpoints")) == ["last.safetensors", "previous.safetensors"]


def test_a_damaged_last_is_replaced_by_the_one_before(run: Run) -> None:
    last, previous = (run.path / "checkpoints" / f"{name}.safetensors" for name in ("last", "previous"))
    assert run.recover() == ""
    for seed in (1, 2):
        run.save_last(checkpoint(seed))
    assert run.recover() == "" and step_of(run.load("last")) == 2
    whole = last.read_bytes()
    last.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert run.recover() == (
        f"{last} is damaged: it does not have the checksum it names. Its place is taken by the one before it."
    )
    assert step_of(run.load("last")) == 1
    last.unlink()
    with pytest.raises(DamagedCheckpointError, match=r"last\.safetensors is gone"):
        run.last()
    assert "last.safetensors is gone" in run.recover()
    run.save_last(checkpoint(3))
    assert [step_of(run.load(which)) for which in ("previous", "last")] == [1, 3]
    for path in (last, previous):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"last\.safetensors is damaged(.|\n)*previous\.safetensors is damaged"):
        run.recover()


def test_a_last_that_is_not_damaged_but_not_understood_is_kept(run: Run, tmp_path: Path) -> None:
    for seed in (1, 2):
        run.save_last(checkpoint(seed))
    last = run.path / "checkpoints" / "last.safetensors"
    content = last.read_bytes().replace(b'\\"version\\": 2', b'\\"version\\": 3')
    digest = re.search(rb'sha256\\": \\"([0-9a-f]{64})', content)
    assert digest
    last.write_bytes(content.replace(digest[1], BLANK.encode()))
    seal(last)
    with pytest.raises(CheckpointError, match="format version 3"):
        run.recover()


def test_best_has_epoch_and_score_in_its_name_and_one_older_copy_stays(run: Run) -> None:
    paths = [
        run.save_best(checkpoint(epoch), epoch=epoch, metric="val/mIoU", score=0.5 + epoch / 100)
        for epoch in (2, 5, 11)
    ]
    assert paths[-1].name == "epoch-0011-val_mIoU-0.6100.safetensors"
    assert sorted(os.listdir(run.path / "checkpoints")) == ["best.safetensors", paths[1].name, paths[2].name]
    best = run.load("best")
    assert best.progress == {"epoch": 11}
    assert best.state is None
    assert run.load(paths[1].name).progress == {"epoch": 5}
    assert run.load(paths[1].stem).progress == {"epoch": 5}


def test_saving_the_same_best_again_changes_nothing(run: Run) -> None:
    """As a resumed run does that was stopped between best and last."""
    for epoch in (1, 2, 2):
        run.save_best(checkpoint(epoch), epoch=epoch, metric="miou", score=0.5)
    assert len(os.listdir(run.path / "checkpoints")) == 3
    assert run.load("best").progress == {"epoch": 2}


def test_rewinding_drops_a_best_that_came_after(run: Run) -> None:
    """As when a run is stopped after saving a best, before saving last."""
    for epoch in (2, 12345):
        run.save_best(checkpoint(epoch), epoch=epoch, metric="miou", score=0.5)
    run.rewind(12345)
    assert run.load("best").progress == {"epoch": 12345}
    run.rewind(12)
    assert run.load("best").progress == {"epoch": 2}
    assert sorted(os.listdir(run.path / "checkpoints")) == ["best.safetensors", "epoch-0002-miou-0.5000.safetensors"]
    run.rewind(1)
    assert os.listdir(run.path / "checkpoints") == []


def test_a_missing_checkpoint_names_those_there_are(run: Run) -> None:
    with pytest.raises(CheckpointError, match="none yet"):
        run.load("best")
    run.save_last(checkpoint(1))
    with pytest.raises(CheckpointError, match=r"no checkpoint 'best'\.\nIt has: last"):
        run.load("best")


def test_a_folder_with_a_run_is_not_taken_again(run: Run) -> None:
    store = RunFolders()
    with pytest.raises(CheckpointError, match=r"already holds a run(.|\n)*--resume"):
        store.create(run.path, {})
    run.save_last(checkpoint(1))
    (run.path / "run.toml").unlink()
    with pytest.raises(CheckpointError, match="already holds a run"):
        store.create(run.path, {})


def test_open_and_load(run: Run, tmp_path: Path) -> None:
    store = RunFolders()
    with pytest.raises(CheckpointError, match="does not exist"):
        store.open(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"no run\.toml"):
        store.open(tmp_path)
    best = run.save_best(checkpoint(3), epoch=3, metric="miou", score=0.5)
    assert store.open(run.path) == RunFolder(run.path)
    assert store.load_checkpoint(run.path).progress == {"epoch": 3}
    assert store.load_checkpoint(best).progress == {"epoch": 3}


def test_the_runs_in_a_folder_are_named(tmp_path: Path) -> None:
    store, runs = RunFolders(), tmp_path / "runs"
    for number in range(7):
        store.create(runs / f"r{number}", {})
        if number == 1:
            with pytest.raises(CheckpointError, match="is no run") as caught:
                store.open(runs)
            assert caught.value.fix == f"Name one of the runs in it: {runs / 'r0'}, {runs / 'r1'}."
    with pytest.raises(CheckpointError) as caught:
        store.open(runs)
    assert caught.value.fix.endswith(f"{runs / 'r4'}, ... and 2 more.")
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="segport train"):
        store.open(tmp_path / "file")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be made"):
        RunFolders().create(tmp_path / "file" / "run", {})


def test_configuration_round_trip(run: Run) -> None:
    assert run.configuration() == {"data": "a/b", "size": [1, 2], "loss": {"x": 0.1}}


EPOCHS = [
    EpochDone(1, {"train_loss": 0.1 + 0.2, "val_miou": 0.5}, 1e-3, 12.5, True),
    EpochDone(2, {"train_loss": 1e-17, "val_miou": math.nan}, 5e-4, 13.5, False),
    EpochDone(3, {"train_loss": 2.0, "val_miou": 0.75}, 5e-4, 1.0, True),
]


def test_metrics_are_exact_and_hold_no_times(run: Run) -> None:
    for event in EPOCHS:
        run.record(event)
    text = (run.path / "metrics.csv").read_text()
    assert text == (
        "epoch,rate,train_loss,val_miou\n1,0.001,0.30000000000000004,0.5\n2,0.0005,1e-17,nan\n3,0.0005,2,0.75\n"
    )
    rows = run.metrics()
    assert [row["train_loss"] for row in rows] == [0.1 + 0.2, 1e-17, 2.0]
    assert math.isnan(rows[1]["val_miou"])


def test_rewound_and_written_again_the_bytes_are_the_same(run: Run) -> None:
    for event in EPOCHS:
        run.record(event)
    whole = (run.path / "metrics.csv").read_bytes()
    run.rewind(1)
    assert [row["epoch"] for row in run.metrics()] == [1]
    for event in EPOCHS[1:]:
        run.record(attrs.evolve(event, seconds=99.0))
    assert (run.path / "metrics.csv").read_bytes() == whole
    run.rewind(7)
    assert (run.path / "metrics.csv").read_bytes() == whole


def test_an_epoch_without_validation_leaves_its_cells_empty(run: Run) -> None:
    run.record(EpochDone(1, {"train_loss": 0.5}, 0.1, 1, False))
    run.record(EpochDone(2, {"train_loss": 0.25, "val_miou": 0.5}, 0.1, 1, True))
    assert (run.path / "metrics.csv").read_text().splitlines()[1:] == ["1,0.1,0.5,", "2,0.1,0.25,0.5"]
    assert "val_miou" not in run.metrics()[0]


def test_columns_that_an_older_row_has_not_come_behind_its_own(run: Run) -> None:
    (run.path / "metrics.csv").write_text("epoch,rate,train_loss,val_miou\n1,0.1,0.5,0.25\n2,0.1,0.5,0.25\n")
    run.rewind(1)
    run.record(EpochDone(2, {"train_loss": 0.25, "train_f1": 0.75, "val_loss": 0.5, "val_miou": 0.5}, 0.1, 1, True))
    assert (run.path / "metrics.csv").read_text().splitlines() == [
        "epoch,rate,train_loss,val_miou,train_f1,val_loss",
        "1,0.1,0.5,0.25,,",
        "2,0.1,0.25,0.5,0.75,0.5",
    ]
    assert "val_loss" not in run.metrics()[0]


def test_broken_metrics_are_named(run: Run) -> None:
    (run.path / "metrics.csv").write_text("epoch,loss\n1,x\n")
    with pytest.raises(CheckpointError, match=r"metrics\.csv, line 2"):
        run.metrics()


def tables(run: Run) -> bytes:
    """What five epochs leave in metrics.csv, two of them trained twice."""
    for epoch in (1, 2, 3, 2, 3, 4, 5):
        metrics = {"train_loss": 0.1 * epoch, "val_miou": math.nan if epoch == 2 else 1 / 3 + epoch}
        run.rewind(epoch - 1)
        run.record(EpochDone(epoch, metrics, 1e-3 / epoch, 1.0, False))
    return (run.path / "metrics.csv").read_bytes()


def torn(table: bytes) -> bytes:
    return table[:-9]


def doubled(table: bytes) -> bytes:
    return table + table.splitlines(keepends=True)[-1]


def without_a_row(table: bytes) -> bytes:
    return b"".join(table.splitlines(keepends=True)[:2] + table.splitlines(keepends=True)[3:])


def zeros(table: bytes) -> bytes:
    return bytes(len(table))


def nothing(table: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [torn, doubled, without_a_row, zeros, nothing])
def test_damaged_rows_are_made_anew_of_the_events(run: Run, damage) -> None:
    whole, path = tables(run), run.path / "metrics.csv"
    assert run.rewind(5) == ""
    path.write_bytes(damage(whole))
    events = run.path / "events.jsonl"
    with events.open("ab") as file:
        file.write(b'\xff{"event": "EpochDone"}\n[1]\n{"event": "EpochDone", "epoch": 6}\n{"event": "Epo')
    said = run.rewind(5)
    assert path.read_bytes() == whole
    assert str(path) in said and "made anew of events.jsonl" in said


def test_rows_that_no_file_tells_of_any_more(run: Run) -> None:
    """Those there are stay; a table that cannot be read is left to a person."""
    whole, path = tables(run), run.path / "metrics.csv"
    (run.path / "events.jsonl").unlink()
    path.write_bytes(without_a_row(whole))
    assert "one row for each of 5 epochs" in run.rewind(5)
    assert path.read_bytes() == without_a_row(whole)
    path.write_bytes(torn(whole))
    with pytest.raises(CheckpointError, match=r"cut short(.|\n)*Fix the table, or delete it"):
        run.rewind(5)
    assert path.read_bytes() == torn(whole)


def test_a_run_is_finished_when_that_was_the_last_that_was_told(run: Run) -> None:
    started, finished = RunStarted("r", 3, 10), RunFinished("r", 3, 3, 0.75, "miou", "", 1.5)
    for event, ended in ((started, False), (EPOCHS[0], False), (finished, True), (started, False), (finished, True)):
        run.record(event)
        assert run.finished() == ended


def test_events_are_json_lines(run: Run) -> None:
    events = [RunStarted("r", 3, 10, facts={"device": "cpu"}), *EPOCHS, RunFinished("r", 3, 3, 0.75, "miou", "", 1.5)]
    for event in events:
        run.record(event)
    lines = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [line.pop("event") for line in lines] == [type(e).__name__ for e in events]
    assert lines[0] == attrs.asdict(events[0])
    assert lines[2]["metrics"] == {"train_loss": 1e-17, "val_miou": None}


def test_a_torn_event_stays_alone_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append_event(path, EPOCHS[0])
    path.write_bytes(path.read_bytes() + b'{"event": "Epo')
    append_event(path, EPOCHS[2])
    first, torn, last = path.read_text().splitlines()
    assert torn == '{"event": "Epo'
    assert [json.loads(line)["epoch"] for line in (first, last)] == [1, 3]


def test_confusions_come_back_without_pickle_and_are_the_same_bytes(tmp_path: Path) -> None:
    counts = [np.arange(4).reshape(2, 2) + i for i in range(3)]
    path, results = tmp_path / "confusion" / "test.npz", ResultFiles()
    results.save_confusions(path, ["a", "bb", "ü"], counts)
    keys, loaded = results.load_confusions(path)
    assert keys == ["a", "bb", "ü"]
    assert all(one.dtype == np.int64 and np.array_equal(one, other) for one, other in zip(loaded, counts, strict=True))
    before = path.read_bytes()
    results.save_confusions(path, ["a", "bb", "ü"], counts)
    assert path.read_bytes() == before


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns often, and in the middle of a garbage collection too."""

    def dawdle(phase: str, info: dict[str, int]) -> None:
        sum(range(300))

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-5)
    gc.set_threshold(50, 5, 5)
    gc.callbacks.append(dawdle)
    yield
    gc.callbacks.remove(dawdle)
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_confusions_may_be_read_by_threads(tmp_path: Path) -> None:
    path, results = tmp_path / "test.npz", ResultFiles()
    results.save_confusions(path, ["a"], [np.eye(2, dtype=np.int64)])
    with ThreadPoolExecutor(4) as pool:
        assert [keys for keys, _ in pool.map(lambda _: results.load_confusions(path), range(800))] == [["a"]] * 800


def test_files_that_hold_no_confusions_are_refused(tmp_path: Path) -> None:
    path, results = tmp_path / "x.npz", ResultFiles()
    for content in (b"", b"PK\x03\x04", b"text"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz does not hold confusion matrices"):
            results.load_confusions(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="does not hold"):
        results.load_confusions(path)
    np.savez(path, keys=np.array(["a"]), counts=np.zeros((2, 2, 2)))
    with pytest.raises(DataError, match="do not belong together"):
        results.load_confusions(path)
    np.savez(path, keys=np.array([{"a": 1}], dtype=object), counts=np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match="does not hold"):
        results.load_confusions(path)


def test_toml_errors_say_where(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    with pytest.raises(InvalidSpecError, match=r"run\.toml does not exist"):
        read_toml(path)
    path.write_text("a = 1\nb = yes\n")
    with pytest.raises(CheckpointError, match=r"run\.toml is not valid TOML: .*line 2"):
        read_toml(path, CheckpointError)
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(InvalidSpecError, match="not UTF-8"):
        read_toml(path)
    with pytest.raises(InvalidSpecError, match="cannot be read"):
        read_toml(tmp_path)


def test_toml_keeps_order_and_floats(tmp_path: Path) -> None:
    values = {"pixels": {"b class": 2, "a": 1}, "mean": [0.1 + 0.2, 1e-30], "text": 'say "hi"\nthere'}
    write_toml(tmp_path / "x.toml", values)
    read = read_toml(tmp_path / "x.toml")
    assert read == values
    assert list(read["pixels"]) == ["b class", "a"]


def test_a_full_disk_is_said_plainly_and_harms_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.record(EPOCHS[0])
    before = (run.path / "metrics.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left on device(.|\n)*--resume"):
        run.record(EPOCHS[1])
    with pytest.raises(CheckpointError, match="No space left"):
        run.rewind(0)
    assert (run.path / "metrics.csv").read_bytes() == before
    assert not list(run.path.rglob("*.tmp*"))


KILLED = """
import resource, signal
from collections.abc import Iterator
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would make an error of it, which clears up
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
save_file({"a": np.zeros(1 << 16)}, Path("last.safetensors"))
"""


def test_what_a_killed_writer_of_safetensors_left_goes_with_the_next_training(tmp_path: Path) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=checkpoints, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    (left,) = checkpoints.iterdir()
    assert left.name != "last.safetensors"
    (checkpoints / "mine.txt").touch()
    with RunFolders().claim(tmp_path / "run"):
        assert [path.name for path in checkpoints.iterdir()] == ["mine.txt"]


def test_a_table_whose_rows_fail_leaves_what_was_there(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, object]]:
        yield {"image": "a.png", "class": "ant"}
        raise DataError("The second image is broken.")

    path = tmp_path / "predictions.csv"
    ResultFiles().save_table(path, [{"image": "a.png", "class": "bee"}])
    with pytest.raises(DataError, match="second image"):
        ResultFiles().save_table(path, rows())
    assert path.read_text() == "image,class\na.png,bee\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_set_does_not_choose_where_its_runs_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, wanted in (("shapes", "shapes-001"), ("/etc/evil", "evil-001"), ("../up", "up-001"), ("", "run-001")):
        assert RunFolders().unused(name) == Path("runs") / wanted
