"""Checkpoints come back as they were, equal ones are equal files, and every damage has its own message."""

from __future__ import annotations

import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
from segport.adapters.storage.seal import BLANK, seal
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError, DamagedCheckpointError
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
FIRST_VERSION = Path(__file__).with_name("checkpoint-v1.safetensors")
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
    assert b'\\"version\\": 2' in data
    return data.replace(b'\\"version\\": 2', b'\\"version\\": 9')


def unknown_task(data: bytes) -> bytes:
    assert b'\\"binary\\"' in data
    return data.replace(b'\\"binary\\"', b'\\"banana\\"')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "damaged"),
        (cut_in_header, "truncated"),
        (flip, "checksum"),
        (empty, "not a checkpoint: it is empty"),
        (text, "not a checkpoint: it is a zip archive"),
        (newer, "checksum"),
        (unknown_task, "checksum"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=f"x.safetensors.*{message}"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("other", "message"), [(newer, "version 9.*reads 1 and 2"), (unknown_task, "cannot be understood.*banana")]
)
def test_files_of_another_program_are_no_damaged_ones(
    tmp_path: Path, other: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    path.write_bytes(other(path.read_bytes()).replace(header(path)["sha256"].encode(), BLANK.encode()))
    seal(path)
    with pytest.raises(CheckpointError, match=message) as refused:
        load_checkpoint(path)
    assert not isinstance(refused.value, DamagedCheckpointError)


def test_a_checkpoint_of_version_1_loads(tmp_path: Path) -> None:
    assert header(FIRST_VERSION)["version"] == 1
    loaded = load_checkpoint(FIRST_VERSION)
    assert same(dict(loaded.weights), initialise(loaded.spec.graph, 1))
    assert loaded.progress == {"epoch": 3, "step": 1}
    state = loaded.state
    assert state is not None and (state.step, state.frozen) == (7, 2)
    for name, array in loaded.weights.items():
        assert np.array_equal(state.weights[name], array + 1) and np.array_equal(state.averages[name], array)
        assert np.array_equal(state.slots[f"m/{name}"], array * 2)
    path = tmp_path / "x"
    data = FIRST_VERSION.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest checkpoint with everything in it that there can be."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_checkpoint(path, load_checkpoint(FIRST_VERSION))
    return path


@given(st.data())
def test_a_file_with_any_byte_altered_is_refused(tiny: Path, data: st.DataObject) -> None:
    whole, path = tiny.read_bytes(), tiny.with_name("altered")
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
    with pytest.raises(DamagedCheckpointError, match=re.escape(str(path))):
        load_checkpoint(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, Checkpoint(SPEC, WEIGHTS))
    data = path.read_bytes()
    for length in [*range(20), *range(20, len(data), len(data) // 50), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(DamagedCheckpointError):
            load_checkpoint(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign", {"format": "pt"})
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "bare")
    for name in ("foreign", "bare"):
        with pytest.raises(CheckpointError, match="no checkpoint of segport"):
            load_checkpoint(tmp_path / name)
    for content, kind in (
        (b"\x89HDF\r\n\x1a\n" * 9, "an HDF5 file"),
        (b"\x80\x04\x95", "a pickle"),
        (bytes.fromhex("80028a0a6cfc9c46f9206aa850192e") * 9, "a file of torch.save, in its older format"),
        ("id,split\nä,train\n".encode() * 9, "a text"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\x01\x02\x03", "no safetensors file"),
    ):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(CheckpointError, match=f"other is not a checkpoint: it is {kind}"):
            load_checkpoint(tmp_path / "other")
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
