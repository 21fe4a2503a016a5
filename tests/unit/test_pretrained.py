"""Weights to begin with: of checkpoints and of plain files, whatever width their floats have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from segport.adapters.storage.checkpoint import save_checkpoint
from segport.adapters.storage.pretrained import load_pretrained
from segport.adapters.storage.runs import RunFolders
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import initialise
from segport.domain.classes import ClassMap
from segport.domain.errors import CheckpointError
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation

GRAPH = UNet((4,)).graph(channels=1, outputs=1, encoder=Plain(width=2, depth=2))
SPEC = ModelSpec(GRAPH, ClassMap.binary("cell"), Task.BINARY, Normalisation((0.5,), (0.2,)), Fit.NATIVE, (8, 8))
SAVED = Checkpoint(SPEC, initialise(GRAPH, 3))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_of_any_width_become_float32_and_counters_are_left_out(tmp_path: Path, kind: type) -> None:
    values = np.linspace(-2, 2, 6, dtype=kind).reshape(2, 3)
    save_file({"b.weight": values, "a.num_batches_tracked": np.array(7)}, tmp_path / "w.safetensors")
    found = load_pretrained(tmp_path / "w.safetensors")
    assert found.spec is None
    assert list(found.weights) == ["b.weight"]
    assert found.weights["b.weight"].dtype == np.float32
    np.testing.assert_array_equal(found.weights["b.weight"], values.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path: Path) -> None:
    values = np.array([[1.5, -3.0], [0.0078125, 2.0**100]], np.float32)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    halves = (values.view("<u4") >> 16).astype("<u2").tobytes()
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + halves)
    np.testing.assert_array_equal(load_pretrained(tmp_path / "w.safetensors").weights["w"], values)


def test_a_checkpoint_says_what_model_it_was(tmp_path: Path) -> None:
    run = RunFolders().create(tmp_path / "run", {"format": 1})
    best = run.save_best(SAVED, epoch=1, metric="miou", score=0.5)
    for path in (run.path, best):
        found = RunFolders().load_pretrained(path)
        assert found.spec == SPEC
        assert set(found.weights) == set(SAVED.weights)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save_file({"w": np.ones(50, np.float32)}, good)
    for length in (0, 4, 30, good.stat().st_size - 1):
        bad.write_bytes(good.read_bytes()[:length])
        with pytest.raises(CheckpointError, match=r"bad\.safetensors is (truncated|damaged|not a checkpoint)"):
            load_pretrained(bad)
    bad.write_bytes((9).to_bytes(8, "little") + b'{"no json')
    with pytest.raises(CheckpointError, match="damaged: its header"):
        load_pretrained(bad)
    with pytest.raises(CheckpointError, match=r"none\.safetensors cannot be read: No such file"):
        load_pretrained(tmp_path / "none.safetensors")


@pytest.mark.parametrize("value", [np.nan, 1e300])
def test_values_that_float32_does_not_hold_are_refused(tmp_path: Path, value: float) -> None:
    save_file({"good": np.ones(2), "bad": np.array([1.0, value])}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="not finite") as caught:
        load_pretrained(tmp_path / "w.safetensors")
    assert caught.value.problems == ("bad",)


def test_a_damaged_checkpoint_is_not_taken_for_plain_tensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, SAVED)
    data = path.read_bytes()
    path.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    with pytest.raises(CheckpointError, match="checksum"):
        load_pretrained(path)


def test_a_run_without_a_best_checkpoint(tmp_path: Path) -> None:
    run = RunFolders().create(tmp_path / "run", {"format": 1})
    with pytest.raises(CheckpointError, match="has no checkpoint 'best'"):
        RunFolders().load_pretrained(run.path)
