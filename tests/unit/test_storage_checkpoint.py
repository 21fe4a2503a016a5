"""Checkpoints come back as they were, equal ones are equal files, and every damage has its own message."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError
from segport.domain.ports.backend import TrainState
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation

GRAPH = UNet((4, 4)).graph(channels=3, outputs=1, encoder=Plain(width=4, depth=3))
SPEC = ModelSpec(
    GRAPH,
    ClassMap.binary("nucleus").with_ignored([7]),
    Task.BINARY,
    Normalisation((0.1, 1 / 3, 0.7), (0.2, 0.3, 0.1)),
    Fit.LETTERBOX,
    (64, 96),
    "unet",
    "plain:width=4,depth=3",
)
WEIGHTS = initialise(GRAPH, 1)
PROGRESS = {"epoch": 3, "best": {"score": 0.1 + 0.2, "epoch": 2}, "losses": [1.5, 1e-300], "note": None}


def with_state(changed: bool = False) -> Checkpoint:
    session = {name: w + 1 if changed else w.copy() for name, w in WEIGHTS.items()}
    slots = {f"{slot}/{name}": np.full_like(w, i) for name, w in WEIGHTS.items() for i, slot in enumerate("mv")}
    return Checkpoint(SPEC, WEIGHTS, TrainState(session, slots, 1234, 17), PROGRESS)


def header(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    texts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert list(texts) == ["segport"]
    return dict(json.loads(texts["segport"]))


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        one[n].dtype == other[n].dtype and np.array_equal(one[n], other[n]) for n in one
    )


@pytest.mark.parametrize("changed", [False, True])
def test_round_trip(tmp_path: Path, changed: bool) -> None:
    path, saved = tmp_path / "last.safetensors", with_state(changed)
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    assert loaded.spec == SPEC
    assert loaded.progress == PROGRESS
    assert same(dict(loaded.weights), WEIGHTS)
    assert loaded.state is not None
    assert saved.state is not None
    assert (loaded.state.step, loaded.state.frozen) == (1234, 17)
    assert same(dict(loaded.state.weights), dict(saved.state.weights))
    assert same(dict(loaded.state.slots), dict(saved.state.slots))


def test_weights_alone(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", Checkpoint(SPEC, WEIGHTS))
    loaded = load_checkpoint(tmp_path / "a")
    assert loaded.state is None
    assert loaded.progress is None


def test_the_sessions_weights_are_not_stored_twice(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", with_state())
    assert not [name for name in load_file(tmp_path / "a") if name.startswith("state/weights/")]


def test_averages_come_back_and_are_not_stored_twice(tmp_path: Path) -> None:
    session = {name: w + 1 for name, w in WEIGHTS.items()}
    other = next(iter(WEIGHTS))
    for averages, written in ((WEIGHTS, set()), ({**WEIGHTS, other: WEIGHTS[other] + 2}, {f"state/averages/{other}"})):
        save_checkpoint(tmp_path / "a", Checkpoint(SPEC, WEIGHTS, TrainState(session, {}, 5, 0, averages), PROGRESS))
        tensors = load_file(tmp_path / "a")
        assert {name for name in tensors if name.startswith("state/averages/")} == written
        loaded = load_checkpoint(tmp_path / "a")
        assert same(dict(loaded.weights), WEIGHTS)
        assert loaded.state is not None
        assert same(dict(loaded.state.weights), session)
        assert same(dict(loaded.state.averages), dict(averages))
        assert loaded.state.slots == {}


def test_a_state_without_averages_is_written_and_read_as_before_there_were_any(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", with_state())
    assert set(header(tmp_path / "a")) == {"version", "spec", "progress", "step", "frozen", "sha256"}
    loaded = load_checkpoint(tmp_path / "a")
    assert loaded.state is not None
    assert loaded.state.averages == {}


def test_equal_checkpoints_are_equal_files(tmp_path: Path) -> None:
    saved = with_state()
    reordered = Checkpoint(SPEC, dict(reversed(WEIGHTS.items())), saved.state, dict(reversed(PROGRESS.items())))
    for i in range(8):  # safetensors orders several metadata keys at random
        save_checkpoint(tmp_path / str(i), saved if i % 2 else reordered)
    assert len({(tmp_path / str(i)).read_bytes() for i in range(8)}) == 1


def cut(data: bytes) -> bytes:
    return data[:-100]


def cut_in_header(data: bytes) -> bytes:
    return data[:300]


def flip(data: bytes) -> bytes:
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


def empty(data: bytes) -> bytes:
    return b""


def text(data: bytes) -> bytes:
    return b"PK\x03\x04 this is a zip with a pickle in it" * 10


def newer(data: bytes) -> bytes:
    assert b'\\"version\\": 1' in data
    return data.replace(b'\\"version\\": 1', b'\\"version\\": 9')


def unknown_task(data: bytes) -> bytes:
    assert b'\\"binary\\"' in data
    return data.replace(b'\\"binary\\"', b'\\"banana\\"')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "damaged"),
        (cut_in_header, "truncated"),
        (flip, "checksum"),
        (empty, "no safetensors"),
        (text, "no safetensors"),
        (newer, "version 9.*version 1"),
        (unknown_task, "cannot be understood.*banana"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=f"x.safetensors.*{message}"):
        load_checkpoint(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    data = path.read_bytes()
    for length in [*range(20), *range(20, len(data), len(data) // 50), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign", {"format": "pt"})
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "bare")
    for name in ("foreign", "bare"):
        with pytest.raises(CheckpointError, match="no checkpoint of segport"):
            load_checkpoint(tmp_path / name)
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        load_checkpoint(tmp_path / "missing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path)


def test_weights_that_do_not_fit_their_graph_are_listed(tmp_path: Path) -> None:
    some = {name: w for name, w in WEIGHTS.items() if name != next(iter(WEIGHTS))}
    save_checkpoint(tmp_path / "a", Checkpoint(SPEC, {**some, "stranger": np.zeros(2, np.float32)}))
    with pytest.raises(CheckpointError, match=r"do not fit(.|\n)*missing(.|\n)*stranger"):
        load_checkpoint(tmp_path / "a")


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    before = path.read_bytes()
    with file_size_limit(5000), pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(path, with_state())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["last.safetensors"]


def test_the_header_is_one_readable_text(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", Checkpoint(SPEC, WEIGHTS))
    assert header(tmp_path / "a")["spec"]["architecture"] == "unet"
