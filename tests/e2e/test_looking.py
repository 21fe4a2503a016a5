"""What evaluate and inspect count beside the scores, against the files it is about."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.mark.parametrize("fit", ["native", "letterbox"])
def test_calibration_counts_what_the_matrices_count(cli, untrained: Path, prepared: Path, tmp_path: Path, fit) -> None:
    model = untrained if fit == "native" else letterboxed(untrained, tmp_path)
    common = (model, "--data", prepared, "--backend", "reference", "--panels", 0, "--json")
    with_it = cli("evaluate", *common, "--out", tmp_path / "with").object
    without = cli("evaluate", *common, "--out", tmp_path / "without", "--no-calibration").object
    for name in ("scores", "scores_at_training_size", "definitions", "classes"):
        assert with_it[name] == without[name]
    assert bool(with_it["scores_at_training_size"]) == (fit == "letterbox")
    counts = np.load(tmp_path / "with" / "confusion" / "test.npz")["counts"].sum(axis=0)
    found = with_it["calibration"]
    assert [sum(row["right"]) for row in found["classes"]] == np.diagonal(counts).tolist()
    assert [sum(row["right"] + row["wrong"]) for row in found["classes"]] == counts.sum(axis=0).tolist()
    assert found["accuracy"] == pytest.approx(with_it["scores"]["accuracy"])
    assert 0 < found["ece"] < 1
    assert found["pixels"] == counts.sum()
    written = {Path(file).name for file in with_it["files"]} - {Path(file).name for file in without["files"]}
    assert written == {"test-reliability.png", "test-confidence.png", "test-logits.png"}
    page = (tmp_path / "with" / "report-test.html").read_text(encoding="utf-8")
    assert "Calibration" in page and "15 equal bins" in page and f"{found['ece']:.4f}" in page
    logits = with_it["logits"]
    assert len(logits["edges"]) == len(logits["classes"][0]["own"]) + 1
    own = [sum(row["own"]) for row in logits["classes"]]
    assert {sum(row["own"] + row["others"]) for row in logits["classes"]} == {sum(own)}
    if fit == "native":  # else they are counted at the size of the model
        assert own == counts.sum(axis=1).tolist()
    assert "log(p / (1 - p))" in page
    assert without["calibration"] is None and without["logits"] is None
    assert "Calibration" not in (tmp_path / "without" / "report-test.html").read_text(encoding="utf-8")


def letterboxed(path: Path, folder: Path) -> Path:
    """The same model, as if trained on whole images resized to 64x48."""
    import attrs

    from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
    from segport.domain.resampling import Fit

    checkpoint = load_checkpoint(path)
    spec = attrs.evolve(checkpoint.spec, fit=Fit.LETTERBOX, size=(64, 48))
    save_checkpoint(folder / "letterboxed.safetensors", attrs.evolve(checkpoint, spec=spec))
    return folder / "letterboxed.safetensors"


def test_inspect_counts_every_mask_of_every_split(cli, prepared: Path, tmp_path: Path) -> None:
    said = cli("inspect", prepared, "--out", tmp_path, "--json").object
    wanted: dict[str, np.ndarray] = {}
    with (prepared / "metadata.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            with Pillow.open(prepared / row["mask"]) as picture:
                pixels = np.bincount(np.asarray(picture).ravel(), minlength=256)[:4]
            wanted[row["split"]] = wanted.get(row["split"], 0) + np.stack([pixels, pixels > 0], axis=1)
    assert list(said["counts"]) == ["train", "val", "test"]
    for split, classes in said["counts"].items():
        assert [[count["pixels"], count["images"]] for count in classes.values()] == wanted[split].tolist()
    assert {name: count["pixels"] for name, count in said["counts"]["train"].items()} == said["pixel_counts"]
    assert {path.name for path in tmp_path.iterdir()} == {"classes.png", "samples.png"}
