"""Classes that overlap: prepared, trained, evaluated, predicted and scored, with both frameworks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

NEEDS = {"torch": "torch", "tf": "tensorflow"}
FLAGS = ("--model", "unet:decoder_channels=[16,8]", "--encoder", "plain:width=8,depth=3", "--size", "48")
MORE = ("--batch", "4", "--rate", "0.02", "--augment", "none", "--quiet")
CLASSES = ["bright", "left"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images with a light square; one class is the square, the other is what is red, across it."""
    folder, rng = tmp_path_factory.mktemp("multilabel") / "raw", np.random.default_rng(5)
    for number in range(12):
        size = (48 + number % 3, 44)
        planes = np.zeros((*size, 2), bool)
        top, left, border = rng.integers(4, 20), rng.integers(4, 16), rng.integers(16, 28)
        planes[top : top + 24, left : left + 24, 0] = True
        planes[:, :border, 1] = True
        pixels = 60 + 120 * planes[..., :1] + 60 * planes[..., 1:] * np.array([1, -0.5, -0.5])
        name = f"{number:02d}.png"
        write(folder / "images" / name, np.clip(rng.normal(pixels, 6), 0, 255).astype(np.uint8))
        for k, kind in enumerate(CLASSES):
            write(folder / "masks" / kind / name, planes[..., k].astype(np.uint8) * 255)
    return folder


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def data(raw: Path) -> Path:
    from segport.cli.main import main

    out = raw.parent / "prepared"
    split = ("--split", "0.66,0.17,0.17", "--task", "multilabel")
    assert main(["prepare", str(raw), str(out), *split, "--quiet"]) == 0
    return out


@pytest.fixture(scope="module", params=NEEDS)
def run(request: pytest.FixtureRequest, data: Path) -> Path:
    from segport.cli.main import main

    pytest.importorskip(NEEDS[request.param], exc_type=ModuleNotFoundError)
    folder = data.parent / request.param
    flags = ("--run", str(folder), "--backend", request.param, "--epochs", "12", "--validate-every", "4", *FLAGS, *MORE)
    assert main(["train", str(data), *flags]) == 0
    return folder


def test_planes_are_prepared_as_they_are(cli, raw: Path, data: Path, tmp_path: Path) -> None:
    table = (data / "class_dict.csv").read_text(encoding="utf-8").split("\n")
    assert table[1:3] == ["bright,230,159,0", "left,86,180,233"]
    for path in (raw / "masks").rglob("*.png"):
        kept = data / path.relative_to(raw)
        np.testing.assert_array_equal(np.asarray(Pillow.open(kept)), np.asarray(Pillow.open(path)))
    said = cli("inspect", data, "--out", tmp_path, "--json")
    assert said.code == 0, said.err
    pixels = dict.fromkeys(CLASSES, 0)
    for kind in CLASSES:
        for path in (raw / "masks" / kind).iterdir():
            pixels[kind] += int((np.asarray(Pillow.open(path)) > 0).sum())
    counts = said.object["counts"]
    assert {kind: sum(counts[split][kind]["pixels"] for split in counts) for kind in CLASSES} == pixels
    assert cli("inspect", data, "--augmented", "--samples", "3", "--out", tmp_path).code == 0
    again = cli("prepare", data, tmp_path / "again")  # what is prepared can be read again as a source
    assert "task multilabel: that of the prepared data set" in again.out
    assert (tmp_path / "again" / "metadata.csv").read_text() == (data / "metadata.csv").read_text()
    assert cli("prepare", data, tmp_path / "one", "--task", "multiclass", "--json").object["task"] == "multiclass"


def test_overlaps_are_learnt_and_every_command_keeps_them(cli, run: Path, raw: Path, tmp_path: Path) -> None:
    said = cli("evaluate", run, "--split", "val", "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert said.object["scores"]["miou"] > 0.8
    assert set(said.object["scores"]) == {"miou", "f1", "precision", "recall", "specificity", "accuracy", "fwiou"}
    assert [row["name"] for row in said.object["classes"]] == CLASSES
    assert said.object["definitions"] == {}
    saved = np.load(tmp_path / "out" / "confusion" / "val.npz")
    assert saved["counts"].shape == (2, 2, 2, 2)
    assert saved["counts"].dtype == np.int64

    out = tmp_path / "predicted"
    assert cli("predict", run, raw / "images", "--out", out, "--probabilities").code == 0
    found = {kind: np.asarray(Pillow.open(out / "masks" / kind / "01.png")) for kind in CLASSES}
    for k, kind in enumerate(CLASSES):
        assert set(np.unique(found[kind])) == {0, 255}
        inside = np.load(out / "01.npy")[..., k] > 0.5
        np.testing.assert_array_equal(found[kind] == 255, inside)
    assert ((found["bright"] == 255) & (found["left"] == 255)).any()
    assert np.asarray(Pillow.open(out / "01_overlay.png")).shape == (49, 44, 3)

    scored = cli("score", out / "masks", raw / "masks", "--overlapping", "--json")
    assert scored.code == 0, scored.err
    assert scored.object["images"] == 12
    assert scored.object["scores"]["miou"] > 0.8
    assert list(scored.object["intervals"]) == ["miou"]


def test_resuming_goes_on_with_what_was_counted(run: Path) -> None:
    from segport.adapters.storage.checkpoint import load_checkpoint

    last = load_checkpoint(run / "checkpoints" / "last.safetensors")
    assert last.spec.task.value == "multilabel"
    assert len(last.spec.classes) == 2
    assert last.progress is not None
    assert np.shape(last.progress["counts"]) == (2, 2, 2)


def test_a_model_of_one_framework_is_the_same_in_the_other(cli, run: Path) -> None:
    for module in NEEDS.values():
        pytest.importorskip(module, exc_type=ModuleNotFoundError)
    said = cli("compare-backends", run, "--backends", "torch,tf,reference", "--split", "val", "--json")
    assert said.code == 0, said.err
    first, *others = said.object["rows"]
    assert first["difference"]["pixels"] % (2 * 44) == 0  # a decision a pixel and class
    for other in others:
        assert other["difference"]["pixels"] == first["difference"]["pixels"]
        assert other["difference"]["largest"] < 1e-3
        assert other["miou"] == pytest.approx(first["miou"], abs=1e-3)


def test_data_with_one_class_a_pixel_is_not_what_it_was_trained_for(cli, run: Path, prepared: Path) -> None:
    said = cli("evaluate", run, "--data", prepared)
    said.failed(5, "of the task multilabel", "of multiclass", "--task multilabel")


def test_what_does_not_fit_planes_is_refused_with_what_does(cli, raw: Path, data: Path, source: Path, tmp_path) -> None:
    cli("train", data, "--loss", "ce-dice", "--run", tmp_path / "a").failed(2, "loss = ce-dice", "bce-dice", "overlap")
    cli("prepare", source, tmp_path / "b", "--task", "multilabel").failed(2, "one class per pixel", "class-masks")
    asked = ("--task", "multilabel", "--ignore", "128")
    cli("prepare", raw, tmp_path / "c", *asked).failed(2, "ignore", "128 are ignored")
    assert not any((tmp_path / name).exists() for name in "abc")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), ("image without mask", "masks/left/", "empty one")),
        (lambda path: write(path, np.full((48, 44), 7, np.uint8)), ("value 7", "255 (or 1) inside", "left/03.png")),
        (lambda path: write(path, np.zeros((20, 44), np.uint8)), ("44 x 20", "44 x 48", "left/03.png")),
    ],
    ids=["missing", "another value", "another size"],
)
def test_a_mask_that_is_missing_or_odd_is_named(cli, raw: Path, tmp_path: Path, spoil, words) -> None:
    import shutil

    spoilt = tmp_path / "spoilt"
    shutil.copytree(raw, spoilt)
    spoil(spoilt / "masks" / "left" / "03.png")
    cli("prepare", spoilt, tmp_path / "out", "--task", "multilabel").failed(3, *words)
    assert not (tmp_path / "out").exists()
    said = cli("prepare", spoilt, tmp_path / "out", "--task", "multilabel", "--skip-bad", "--json")
    assert sum(said.object["split_sizes"].values()) == 11


def test_folders_that_do_not_match_are_refused(cli, raw: Path, source: Path, tmp_path: Path) -> None:
    import shutil

    masks = tmp_path / "masks"
    shutil.copytree(raw / "masks", masks)
    perfect = cli("score", masks, raw / "masks", "--overlapping", "--json")
    assert perfect.object["scores"]["miou"] == 1.0
    (masks / "left" / "03.png").unlink()
    (masks / "bright" / "04.png").unlink()
    cli("score", masks, masks, "--overlapping").failed(3, "left/03: no such mask", "bright/04: no such mask")
    cli("score", source / "masks", source / "masks", "--overlapping").failed(3, "not in a folder of its class")
