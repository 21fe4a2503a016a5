"""Files of torch.save, read without it: what they hold, and what they may not do."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.adapters.storage.pretrained import load_pretrained
from segport.adapters.storage.torch_file import OLDER
from segport.domain.errors import CheckpointError

FLOATS = np.arange(24, dtype="<f4")


def saved(path: Path, value: Any, *, zipped: bool = True) -> Path:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def made(pickled: bytes, **entries: bytes) -> bytes:
    """A zip as torch.save writes it, around any pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {"data.pkl": pickled, "data/0": FLOATS.tobytes(), **entries}.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def tensor(shape: str = "K\x04K\x06\x86", strides: str = "K\x06K\x01\x86", offset: str = "K\x00") -> bytes:
    """The pickle of {"w": a tensor over FLOATS}: numbers as opcodes."""
    reference = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x18tQ"
    rebuilt = (
        f"ctorch._utils\n_rebuild_tensor_v2\n({reference}{offset}{shape}{strides}\x89ccollections\nOrderedDict\n)RtR"
    )
    return f"\x80\x02}}X\x01\x00\x00\x00w{rebuilt}s.".encode("latin-1")


def read(path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    return load_pretrained(path).weights


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
def test_what_torch_saves_is_what_is_read(tmp_path: Path, zipped: bool) -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    state = OrderedDict(
        plain=base.clone(),
        turned=base.permute(2, 0, 1),
        part=base[1:, :, 2],
        last=torch.nn.Conv2d(3, 2, 3).to(memory_format=torch.channels_last).weight,
        double=torch.linspace(-1, 1, 5, dtype=torch.float64),
        half=torch.linspace(-1, 1, 5, dtype=torch.float16),
        bfloat=torch.linspace(-1, 1, 5, dtype=torch.bfloat16),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        counter=torch.tensor(7),
        mask=torch.tensor([True, False]),
    )
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    found = load_pretrained(saved(tmp_path / "w.pth", state, zipped=zipped)).weights
    assert list(found) == [name for name in state if name not in ("counter", "mask")]
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, state[name].detach().float().numpy())


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_weights_within_a_programs_checkpoint(tmp_path: Path, key: str) -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    path = saved(tmp_path / "w.pth", {"epoch": 3, "lr": 0.1, key: {"a.weight": torch.ones(2)}})
    assert list(load_pretrained(path).weights) == ["a.weight"]


def test_a_file_made_by_hand_is_one(tmp_path: Path) -> None:
    found = read(tmp_path / "w.pt", made(tensor()))
    np.testing.assert_array_equal(found["w"], FLOATS.reshape(4, 6))
    turned = read(tmp_path / "w.pt", made(tensor(strides="K\x01K\x04\x86")))
    np.testing.assert_array_equal(turned["w"], FLOATS.reshape(6, 4).T)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (self.folder,)

    def __init__(self, folder: str) -> None:
        self.folder = folder


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_of_a_hostile_file_is_run(tmp_path: Path, protocol: int, older: bool) -> None:
    pickled = pickle.dumps({"w": Evil(str(tmp_path / "harm"))}, protocol)
    version, machine = (pickle.dumps(value, 2) for value in (1001, {"little_endian": True}))
    data = OLDER + version + machine + pickled if older else made(pickled)
    with pytest.raises(CheckpointError, match=r"mkdir.*nothing of it was run"):
        read(tmp_path / "w.pth", data)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("reaches beyond", made(tensor(offset="K\x01"))),
        ("reaches beyond", made(tensor(strides="K\x07K\x01\x86"))),
        ("many times larger", made(tensor(shape="J\x00\x00\x00\x7fJ\x00\x00\x00\x7f\x86", strides="K\x00K\x00\x86"))),
        ("which no tensor needs", made(tensor(offset="J\xff\xff\xff\xff"))),
        ("no tensors by name", made(b"\x80\x02]q\x00.")),
        ("no tensors by name", made(b"\x80\x02}K\x01K\x02s.")),
        ("damaged", made(b"\x80\x02}X\xff\xff\xff\x7fw.")),
        ("damaged", made(b"\x80\x02h\x05.")),
        ("damaged", made(b"\x80\x02NNs.")),
        ("INST instruction", made(b"(ios\nsystem\n.")),
        ("none that torch.save wrote", made(tensor(), **{"constants.pkl": b""})),
        ("big-endian", made(tensor(), byteorder=b"big")),
        ("damaged", made(tensor()).replace(FLOATS.tobytes(), FLOATS[::-1].tobytes())),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, why: str, data: bytes) -> None:
    with pytest.raises(CheckpointError, match=why):
        read(tmp_path / "w.pth", data)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), end=st.integers(0, 10**6))
def test_any_damage_ends_in_an_error_or_in_tensors(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, end: int
) -> None:
    data = bytearray(made(tensor()))
    data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(data[: len(data) - end % 40])
    with suppress(CheckpointError):
        assert all(array.dtype == np.float32 for array in load_pretrained(path).weights.values())


@pytest.mark.data
def test_the_published_file_in_both_forms_holds_the_same(data_root: Path) -> None:
    older = load_pretrained(data_root / "weights" / "mobilenet_v2-b0353104.pth").weights
    safe = load_pretrained(data_root / "weights" / "mobilenet_v2.tv_in1k.safetensors").weights
    assert set(older) == set(safe)
    assert all(np.array_equal(older[name], safe[name]) for name in safe)
