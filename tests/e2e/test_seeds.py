"""Several seeds in one command: each is the run it would be by itself, and the spread is that of their scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segport.application.settings import SeedsSettings
from segport.bootstrap import Toolkit
from segport.cli.main import main
from segport.domain.errors import RunInterruptedError

FLAGS = ("--epochs", "2", "--rate", "0.01", "--workers", "1", "--log-every", "1", "--device", "cpu", "--quiet")
PROMISED = ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")


@pytest.fixture(scope="module")
def seeds(prepared: Path, tmp_path_factory: pytest.TempPathFactory, tiny: tuple[str, ...]) -> Path:
    """The runs of the seeds 41, 42 and 43. Tests must not change them."""
    parent = tmp_path_factory.mktemp("seeds") / "several"
    assert main(["train", str(prepared), "--run", str(parent), "--seeds", "3", *tiny, *FLAGS]) == 0
    return parent


def same(one: Path, other: Path) -> None:
    for name in PROMISED:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_each_seed_is_the_run_it_would_be_by_itself(cli, seeds: Path, prepared: Path, tmp_path: Path, tiny) -> None:
    alone = tmp_path / "alone"
    assert cli("train", prepared, "--run", alone, "--seed", "43", *tiny, *FLAGS).code == 0
    same(seeds / "seed-43", alone)
    tables = [(seeds / f"seed-{seed}" / "metrics.csv").read_bytes() for seed in (41, 42, 43)]
    assert len(set(tables)) == 3


def test_the_best_score_of_each_seed_and_their_spread_are_told(cli, seeds: Path) -> None:
    with (seeds / "seeds.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    best = [max(float(row["val_miou"]) for row in metrics(seeds / f"seed-{seed}")) for seed in (41, 42, 43)]
    assert [float(row["best_score"]) for row in rows] == best
    said = cli("train", "--resume", seeds, "--json")  # all of them are finished: says how they ended
    assert said.object["best"] == pytest.approx({"mean": np.mean(best), "sd": np.std(best, ddof=1), "n": 3})
    assert [result["seed"] for result in said.object["results"]] == [41, 42, 43]
    assert f"{np.mean(best):.4f} ± {np.std(best, ddof=1):.4f} (n = 3)" in said.err


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_are_evaluated_and_their_scores_summed_up(cli, seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = cli("evaluate", seeds, "--out", out, "--panels", "1", "--no-calibration", "--json")
    assert said.code == 0, said.err
    ious = np.array([iou(out / f"seed-{seed}" / "confusion" / "test.npz") for seed in (41, 42, 43)])
    mean, sd = ious.mean(axis=0), ious.std(axis=0, ddof=1)
    for k, of_class in enumerate(said.object["classes"].values()):
        assert of_class == pytest.approx({"mean": mean[k], "sd": sd[k], "n": 3})
    mious = ious.mean(axis=1)
    miou = said.object["scores"]["miou"]
    assert miou == pytest.approx({"mean": mious.mean(), "sd": mious.std(ddof=1), "n": 3})
    assert said.object["seeds"]["42"]["scores"]["miou"] == pytest.approx(mious[1])
    assert json.loads((out / "test.json").read_text(encoding="utf-8"))["scores"]["miou"] == miou
    page = (out / "report-test.html").read_text(encoding="utf-8")
    assert "n - 1 in the denominator" in page and page.count("<img ") == 3


def iou(matrices: Path) -> np.ndarray:
    """Of each class, by the formula."""
    with np.load(matrices) as arrays:
        total = arrays["counts"].sum(axis=0)
    return total.diagonal() / (total.sum(axis=0) + total.sum(axis=1) - total.diagonal())


def test_one_run_is_asked_for_where_only_one_will_do(cli, seeds: Path, shapes: Path, prepared, tmp_path: Path) -> None:
    names = (str(seeds / "seed-41"), str(seeds / "seed-43"))
    out = ("--out", tmp_path / "out")
    cli("predict", seeds, shapes / "images", *out).failed(5, "several runs", *names)
    cli("export", seeds, "--to", "torchscript", *out).failed(5, "several runs", *names)
    cli("train", prepared, "--init-from", seeds, "--run", tmp_path / "run").failed(5, "several runs", *names)
    cli("train", prepared, "--run", seeds).failed(5, "already holds", "--resume")
    cli("train", "--resume", seeds, "--epochs", "9").failed(2, "epochs given")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_seeds_is_compared_run_by_run(cli, seeds: Path, tmp_path: Path) -> None:
    said = cli("compare", seeds, "--out", tmp_path / "curves.png", "--json").object
    assert [run["differing"]["seed"] for run in said["runs"]] == ["41", "42", "43"]


def test_what_cannot_begin_leaves_nothing(cli, prepared: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    run = tmp_path / "runs" / "new"
    cli("train", prepared, "--run", run, "--seeds", "2", *tiny, "--device", "abacus").failed(2, "abacus")
    cli("train", prepared, "--run", run, "--seeds", "2", "--seed", str(2**32 - 1)).failed(2, "seeds = 2")
    cli("train", prepared, "--run", run, "--seeds", "0").failed(2, "'seeds' must be >= 1")
    assert not run.exists()


def patience(updates: int) -> Callable[[], bool]:
    left = iter(range(updates))
    return lambda: next(left, None) is None


def test_interrupted_it_goes_on_with_the_unfinished_seed_and_the_rest(
    cli, seeds: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seeds of two epochs of two updates: stopped in the middle of the second, then between two seeds."""
    toolkit, parent = Toolkit(), tmp_path / "several"
    recorded = toolkit.read_config(seeds / "seeds.toml", "train")
    settings = toolkit.codec.from_values(SeedsSettings, {**recorded, "run": str(parent), "seeds": 3}, where="test")
    with pytest.raises(RunInterruptedError, match="state is saved") as caught:
        toolkit.train_seeds(settings, stop=patience(5))
    assert f"segport train --resume {parent}" in str(caught.value)
    assert not (parent / "seed-43").exists()
    finished = (parent / "seed-41" / "checkpoints" / "last.safetensors").stat().st_mtime_ns
    cli("evaluate", parent).failed(5, "seed 42, 43", f"segport train --resume {parent}")
    monkeypatch.chdir(tmp_path)  # from elsewhere, too
    with pytest.raises(RunInterruptedError, match="before seed 43"):
        Toolkit().train_seeds.resume(Path("several"), stop=patience(3))
    assert cli("train", "--resume", "several", "--quiet").code == 0
    for seed in (41, 42, 43):
        same(parent / f"seed-{seed}", seeds / f"seed-{seed}")
    assert (parent / "seed-41" / "checkpoints" / "last.safetensors").stat().st_mtime_ns == finished


def test_data_that_has_changed_is_not_gone_on_with(cli, seeds: Path, shapes: Path, tmp_path: Path) -> None:
    assert cli("prepare", shapes, tmp_path / "other", "--holdout", "3").code == 0
    parent = tmp_path / "several"
    parent.mkdir()
    recorded = (seeds / "seeds.toml").read_text(encoding="utf-8")
    data = Toolkit().read_config(seeds / "seeds.toml", "train")["data"]
    (parent / "seeds.toml").write_text(recorded.replace(data, str(tmp_path / "other")), encoding="utf-8")
    cli("train", "--resume", parent).failed(3, "fingerprint differs", str(parent))
    (parent / "seeds.toml").write_text("seeds = 3\n", encoding="utf-8")
    cli("train", "--resume", parent).failed(5, "does not list the seeds")
