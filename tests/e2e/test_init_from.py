"""Fine-tuning: a run begins with weights of another run or file, says what matched, and refuses what cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from segport.application.settings import PrepareSettings, TrainSettings
from segport.bootstrap import Toolkit
from segport.domain.errors import CheckpointError, RunInterruptedError


@pytest.fixture(scope="module")
def cells(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shapes under other names: as many classes."""
    folder = tmp_path_factory.mktemp("cells")
    renamed = (shapes / "class_dict.csv").read_text(encoding="utf-8").replace("ellipse", "cell")
    (folder / "classes.csv").write_text(renamed, encoding="utf-8")
    settings = PrepareSettings(shapes, folder / "data", classes=folder / "classes.csv", split="0.5,0.25,0.25")
    Toolkit().prepare(settings)
    return folder / "data"


def transferred(run: Path) -> dict:
    lines = map(json.loads, (run / "events.jsonl").read_text(encoding="utf-8").splitlines())
    (found,) = (line for line in lines if line["event"] == "WeightsTransferred")
    return found


def test_all_of_a_run_matches_its_own_model_which_need_not_be_named(cli, prepared, trained, tmp_path) -> None:
    run = tmp_path / "run"
    said = cli("train", prepared, "--run", run, "--init-from", trained, "--size", "64", "--epochs", "1", "--json")
    assert said.code == 0, said.err
    assert f"encoder = plain:depth=3,width=8: that of {trained}" in said.err
    found = said.object["transferred"]
    assert len(found["matched"]) > 20
    assert found["reinitialised"] == found["left_over"] == []
    assert found["renamed"] == {}
    count = len(found["matched"])
    assert f"weights of {trained}: {count} of {count} tensors matched; 0 re-initialised; 0 left over" in said.err
    assert transferred(run)["matched"] == found["matched"]
    assert f'init_from = "{trained}"' in (run / "run.toml").read_text(encoding="utf-8")


def test_a_head_for_other_classes_is_new_and_the_rest_is_kept(cli, source, trained, tmp_path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    assert cli("prepare", source, data).code == 0
    flags = ("--size", "32", "--epochs", "1", "--rate", "1e-12")
    said = cli("train", data, "--run", run, "--init-from", trained, *flags, "--json")
    assert said.code == 0, said.err
    assert said.object["transferred"]["reinitialised"] == ["head.weight", "head.bias"]
    assert sorted(said.object["transferred"]["left_over"]) == ["head.bias", "head.weight"]
    assert "2 re-initialised (head 2); 2 left over (head 2)" in said.err
    old, new = (load_file(path / "checkpoints" / "best.safetensors") for path in (trained, run))
    kernels = [name for name in new if name.endswith("weight") and name != "head.weight"]
    assert all(np.allclose(old[name], new[name], atol=1e-9) for name in kernels)


def test_a_head_whose_classes_have_other_names_is_kept_and_said_to_be(cli, cells, trained, tmp_path) -> None:
    said = cli("train", cells, "--run", tmp_path / "run", "--init-from", trained, "--size", "64", "--epochs", "1")
    assert said.code == 0, said.err
    assert "classes of the head: ellipse is cell now" in said.err
    assert "0 re-initialised" in said.err


def test_a_plain_file_of_some_tensors(cli, prepared, trained, tmp_path, tiny) -> None:
    tensors = load_file(trained / "checkpoints" / "best.safetensors")
    encoder = {name: array.astype(np.float16) for name, array in tensors.items() if name.startswith("encoder.")}
    save_file({**encoder, "fc.weight": np.ones((2, 2))}, tmp_path / "encoder.safetensors")
    flags = (*tiny, "--epochs", "1", "--init-from", tmp_path / "encoder.safetensors")
    said = cli("train", prepared, "--run", tmp_path / "run", *flags, "--json")
    assert said.code == 0, said.err
    found = said.object["transferred"]
    assert sorted(found["matched"]) == sorted(encoder)
    assert found["left_over"] == ["fc.weight"]
    assert "1 left over (fc 1)" in said.err
    assert not any(name.startswith("encoder.") for name in found["reinitialised"])


def test_what_cannot_be_begun_with_is_refused_before_anything_is_made(cli, prepared, tmp_path, tiny) -> None:
    run, file = tmp_path / "run", tmp_path / "w.safetensors"

    def refused(*words: str) -> None:
        cli("train", prepared, "--run", run, *tiny, "--init-from", file).failed(5, "w.safetensors", *words)
        assert not run.exists()
        with pytest.raises(CheckpointError):
            Toolkit().train.plan(TrainSettings(prepared, init_from=file, encoder="plain:width=8,depth=3"))

    refused("No such file")
    file.write_bytes(b"PK\x03\x04")
    refused("cannot be used", "damaged")
    file.write_bytes(b"no tensors")
    refused("not a checkpoint")
    save_file({"backbone.stem.weight": np.zeros((8, 3, 3, 3), np.float32)}, file)
    refused("No tensor", "backbone.stem.weight 8x3x3x3", "encoder.", "--encoder")


def interrupted(data: Path, run: Path, source: Path) -> Path:
    """Stopped, and as if killed before its first checkpoint."""
    with pytest.raises(RunInterruptedError):
        Toolkit().train(TrainSettings(data, run, init_from=source, size=(64, 64), batch=2, epochs=1), stop=lambda: True)
    shutil.rmtree(run / "checkpoints")
    return run


def test_stopped_before_its_first_checkpoint_it_begins_again_with_the_same_weights(
    cli, prepared, trained, tmp_path
) -> None:
    source = Path(shutil.copytree(trained, tmp_path / "source"))
    run = interrupted(prepared, tmp_path / "run", source)
    whole = Toolkit().train(
        TrainSettings(prepared, tmp_path / "whole", init_from=source, size=(64, 64), batch=2, epochs=1)
    )
    (run / "checkpoints").mkdir()
    said = cli("train", "--resume", run, "--json")
    assert said.code == 0, said.err
    assert said.object["transferred"]["matched"]
    for name in ("metrics.csv", "checkpoints/last.safetensors"):
        assert (run / name).read_bytes() == (whole.run / name).read_bytes(), name


def test_what_it_began_with_must_still_be_there(cli, prepared, trained, tmp_path) -> None:
    source = Path(shutil.copytree(trained, tmp_path / "source"))
    run = interrupted(prepared, tmp_path / "run", source)
    best = source / "checkpoints" / "best.safetensors"
    save_file({name: array * 2 for name, array in load_file(best).items()}, best)
    cli("train", "--resume", run).failed(5, str(source), "has changed since", "Put")
    shutil.rmtree(source)
    cli("train", "--resume", run).failed(5, str(source), "cannot be read again", "new run")
