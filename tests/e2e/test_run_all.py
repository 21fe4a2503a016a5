"""run-all: every step once, in its order, and again only where something has changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from segport.application.run_all.run_all import Hearing
from segport.application.run_all.steps import Step
from segport.bootstrap import Toolkit
from segport.domain.errors import CheckpointError, DataError, RunInterruptedError

pytest.importorskip("torch", exc_type=ModuleNotFoundError)

TABLES: dict[str, Any] = {
    "generate": {"num_images": 12, "height": 64, "width": 64, "min-shape-px": 16, "max-shape-px": 40},
    "prepare": {"split": "0.5,0.25,0.25"},
    "inspect": {"samples": 2},
    "train": {
        "model": "unet:decoder_channels=[16,8]",
        "encoder": "plain:width=8,depth=3",
        "size": 64,
        "batch": 2,
        "epochs": 2,
        "rate": 0.01,
        "workers": 1,
        "device": "cpu",
        "log_every": 1,
    },
    "evaluate": {"splits": ["test", "val"], "panels": 1, "calibration": False},
    "predict": {},
}
STEPS = ["generate", "prepare", "inspect", "train", "evaluate test", "evaluate val", "predict"]


def changed(**tables: dict[str, Any]) -> dict[str, Any]:
    return {name: {**table, **tables.get(name, {})} for name, table in TABLES.items()}


def done(out: Path, tables: dict[str, Any] = TABLES, stop: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """Runs, and says of each step whether it was "begun" or "kept"."""
    heard: dict[str, str] = {}

    def hears(what: str) -> Callable[[Step], None]:
        return lambda step: heard.update({step.name: what})

    toolkit = Toolkit()
    plan = toolkit.run_all.plan(tables, out=out)
    toolkit.run_all(plan, hear=Hearing(begun=hears("begun"), kept=hears("kept")), stop=stop)
    return heard


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything done. Tests must not change it."""
    out = tmp_path_factory.mktemp("whole") / "all"
    assert done(out) == dict.fromkeys(STEPS, "begun")
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """The same somewhere else: the folder may be moved."""
    return Path(shutil.copytree(whole, tmp_path / "all", symlinks=True))


def test_the_page_shows_every_step_and_links_to_what_is_there(whole: Path) -> None:
    page = (whole / "index.html").read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", page) == [name.capitalize() for name in STEPS]
    links = set(re.findall(r'(?:href|src)="([^#"][^":]*)"', page))
    assert {"raw", "data", "run", "predictions", "run/report-test.html", "run/report-val.html"} <= links
    assert [link for link in links if not (whole / link).exists()] == []
    assert page.count('src="data:image/png') == 2 + 1 + 2 * 2  # inspection, curves, classes and panels of two splits
    assert f"segport train {whole / 'data'} --run {whole / 'run'}" in page


def test_what_is_done_is_kept(copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.*") if path.name != "index.html"}
    assert done(copy) == dict.fromkeys(STEPS, "kept")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_interrupted_it_goes_on_to_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    """Stopped before and in the middle of training, then before the second evaluation."""

    def patience(times: int) -> Callable[[], bool]:
        left = iter(range(times))
        return lambda: next(left, None) is None

    out = tmp_path / "all"
    for times, where in ((3, "before train"), (3, "the state is saved"), (4, "before evaluate val")):
        with pytest.raises(RunInterruptedError, match=where) as caught:
            done(out, stop=patience(times))
        assert "Repeat the command to continue from here." in str(caught.value)
    assert done(out) == {name: "begun" if name in ("evaluate val", "predict") else "kept" for name in STEPS}
    for name in ("run/metrics.csv", "run/checkpoints/last.safetensors", "run/confusion/val.npz"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_killed_before_a_step_could_be_noted_it_is_not_done_twice(copy: Path) -> None:
    ledger = copy / "steps.toml"
    values = dict(Toolkit().read_config(ledger))
    for step in values["steps"].values():
        del step["exhibit"]
    ledger.write_text(tomli_w.dumps(values), encoding="utf-8")
    trained = (copy / "run" / "checkpoints" / "last.safetensors").stat().st_mtime_ns
    assert done(copy) == dict.fromkeys(STEPS, "begun")
    assert (copy / "run" / "checkpoints" / "last.safetensors").stat().st_mtime_ns == trained


def test_data_or_a_run_made_otherwise_is_refused_at_once(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        done(copy, changed(generate={"width": 80}, train={"epochs": 3, "seed": 5}))
    assert caught.value.problems == (
        f"[generate] {copy / 'raw'} was made with other settings: width = 80, was 64",
        f"[train] {copy / 'run'} was made with other settings: epochs = 3, was 2; seed = 5, was the default",
    )
    (tmp_path / "other" / "data").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="made by somebody else"):
        done(tmp_path / "other")
    (copy / "steps.toml").write_text("steps = 3\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"steps\.toml cannot be read"):
        done(copy)


def test_what_shows_is_done_again_when_asked_for_otherwise(copy: Path) -> None:
    shown = changed(evaluate={"splits": ["train", "val"]}, predict={"overlays": False})
    heard = done(copy, shown)
    assert [name for name, what in heard.items() if what == "begun"] == ["evaluate train", "predict"]


def test_what_is_deleted_is_made_anew_with_all_that_rests_on_it(copy: Path) -> None:
    shutil.rmtree(copy / "raw")  # no longer needed: the data is prepared
    shutil.rmtree(copy / "run")
    heard = done(copy)
    assert [name for name, what in heard.items() if what == "begun"] == STEPS[3:]
    (copy / "run" / "report-val.html").unlink()
    heard = done(copy)
    assert [name for name, what in heard.items() if what == "begun"] == ["evaluate val"]


def test_several_seeds_are_trained_evaluated_and_one_predicts(cli, whole: Path, shapes: Path, tmp_path: Path) -> None:
    tables = {
        "train": {**TABLES["train"], "data": str(whole / "data"), "epochs": 1, "seeds": 2, "seed": 7},
        "evaluate": {"panels": 0, "calibration": False},
        "predict": {"inputs": [str(min((shapes / "images").iterdir()))], "overlays": False},
    }
    (tmp_path / "seeds.toml").write_text(tomli_w.dumps({"out": str(tmp_path / "all"), **tables}), encoding="utf-8")
    said = cli("run-all", tmp_path / "seeds.toml", "--json")
    assert said.code == 0, said.err
    steps = said.object["steps"]
    assert list(steps) == ["train", "evaluate test", "predict"]
    assert steps["train"]["n"] == steps["evaluate test"]["scores"]["miou"]["n"] == 2
    assert f"segport predict {tmp_path / 'all' / 'run' / 'seed-7'} " in steps["predict"]["command"]
    again = cli("run-all", tmp_path / "seeds.toml", "--json")
    assert again.err.count("done before") == 3
    assert again.object == said.object


def test_a_finished_run_does_not_stand_for_one_on_data_made_anew(copy: Path) -> None:
    """Its test images may be those that it was trained on."""
    shutil.rmtree(copy / "data")
    with pytest.raises(DataError, match=r"is not the one that .*run was trained on"):
        done(copy, changed(prepare={"seed": 7}))
    shutil.rmtree(copy / "run")
    heard = done(copy, changed(prepare={"seed": 7}))
    assert [name for name, what in heard.items() if what == "begun"][-4:] == STEPS[3:]
