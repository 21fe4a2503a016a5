"""Folders of images, one a class: prepared, trained, evaluated and named, and encoders that go from task to task."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

NEEDS = {"torch": "torch", "tf": "tensorflow"}
FLAGS = ("--encoder", "plain:width=8,depth=3", "--size", "32", "--batch", "4", "--rate", "0.02", "--quiet")
COLOURS = {"blue": (30, 40, 220), "green": (40, 200, 30), "red": (220, 40, 30)}


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six noisy images a class, of odd sizes, whose colour is their class."""
    from PIL import Image as Pillow

    folder, rng = tmp_path_factory.mktemp("colours") / "raw", np.random.default_rng(3)
    for name, colour in COLOURS.items():
        for number in range(6):
            size = (36 + 3 * number, 50 - 2 * number, 3)
            pixels = np.clip(rng.normal(colour, 25, size), 0, 255).astype(np.uint8)
            path = folder / ("val" if number > 3 else "train") / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def data(colours: Path) -> Path:
    from segport.cli.main import main

    assert main(["prepare", str(colours), str(colours.parent / "prepared"), "--quiet"]) == 0
    return colours.parent / "prepared"


@pytest.fixture(scope="module", params=NEEDS)
def run(request: pytest.FixtureRequest, data: Path) -> Path:
    from segport.cli.main import main

    pytest.importorskip(NEEDS[request.param], exc_type=ModuleNotFoundError)
    folder = data.parent / request.param
    flags = ("--run", str(folder), "--backend", request.param, "--epochs", "10", *FLAGS)
    assert main(["train", str(data), *flags]) == 0
    return folder


def test_what_is_prepared_says_that_it_is_to_be_classified(cli, colours: Path, tmp_path: Path, data: Path) -> None:
    said = cli("prepare", colours, tmp_path / "again", "--json")
    assert said.code == 0, said.err
    assert said.object["task"] == "classification"
    assert said.object["split_sizes"] == {"train": 12, "val": 6}
    assert said.object["pixel_counts"] == dict.fromkeys(COLOURS, 4)
    found = cli("inspect", data, "--augmented", "--out", tmp_path / "seen", "--json")
    assert found.code == 0, found.err
    assert found.object["counts"]["val"]["red"] == {"pixels": 2, "images": 2}


def test_what_is_prepared_cannot_be_prepared_once_more(cli, colours: Path, data: Path, tmp_path: Path) -> None:
    cli("prepare", data, tmp_path / "out").failed(3, "for classification", "a folder for each class", str(colours))


def test_colours_are_told_apart_and_the_rest_of_the_commands_knows_that_an_image_is_a_pixel(
    cli, run: Path, colours: Path, tmp_path: Path
) -> None:
    said = cli("evaluate", run, "--split", "val", "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert said.object["scores"]["accuracy"] == 1.0
    assert said.object["intervals"] == {"accuracy": [1.0, 1.0]}
    assert [row["support"] for row in said.object["classes"]] == [2, 2, 2]
    assert said.object["scores_at_training_size"] == said.object["definitions"] == {}
    assert "Accuracy 1.0000 over 6 images." in (tmp_path / "out" / "report-val.html").read_text(encoding="utf-8")
    assert cli("predict", run, *(colours / "val" / name for name in COLOURS), "--out", tmp_path / "named").code == 0
    with (tmp_path / "named" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for row in rows:
        assert row["class"] == Path(row["image"]).parent.name
        assert sum(float(row[f"p({name})"]) for name in COLOURS) == pytest.approx(1, abs=1e-5)
    assert [path.name for path in (tmp_path / "named").iterdir()] == ["predictions.csv"]


def test_the_best_epoch_is_the_one_of_the_best_accuracy(run: Path) -> None:
    assert any("-accuracy-1.0" in path.name for path in (run / "checkpoints").iterdir())


def test_encoders_go_from_names_to_masks_and_back(cli, data: Path, prepared: Path, trained: Path, tmp_path) -> None:
    named, drawn = tmp_path / "named", tmp_path / "drawn"
    flags = ("--size", "64", "--batch", "4", "--epochs", "1", "--rate", "1e-12", "--json")
    there = cli("train", data, "--run", named, "--encoder-weights", trained, *flags)
    assert there.code == 0, there.err
    assert "model = classifier" in there.err
    back = cli("train", prepared, "--run", drawn, "--init-from", named, *flags)
    assert back.code == 0, back.err
    assert "model = unet" in back.err
    first, last = (load_file(path / "checkpoints" / "best.safetensors") for path in (trained, drawn))
    kernels = [name for name in last if name.startswith("encoder.") and name.endswith("conv.weight")]
    assert len(kernels) == 6
    for name in kernels:
        np.testing.assert_allclose(last[name], first[name], atol=1e-7)


def test_masks_and_names_are_not_mixed_up(cli, data: Path, prepared: Path, source: Path, tmp_path: Path) -> None:
    cli("train", data, "--model", "unet", "--run", tmp_path / "a").failed(2, "model = unet", "--model classifier")
    cli("train", prepared, "--model", "classifier", "--run", tmp_path / "b").failed(2, "model = classifier", "unet")
    cli("train", prepared, "--fit", "crop", "--run", tmp_path / "c").failed(2, "fit = crop", "letterbox")
    cli("prepare", source, tmp_path / "d", "--task", "classification").failed(2, "reads masks", "train/<class>/")
    assert not any((tmp_path / name).exists() for name in "abcd")


@pytest.mark.data
def test_ants_and_bees_are_prepared_but_for_the_picture_that_is_none(cli, data_root: Path, tmp_path: Path) -> None:
    source = data_root / "research_only" / "hymenoptera_data"
    cli("prepare", source, tmp_path / "all").failed(3, "imageNotFound.gif", "--skip-bad")
    said = cli("prepare", source, tmp_path / "good", "--skip-bad", "--reference", "--json")
    assert said.code == 0, said.err
    assert said.object["split_sizes"] == {"train": 244, "val": 153}
    assert said.object["pixel_counts"] == {"ants": 123, "bees": 121}
    assert len(said.object["left_out"]) == 1
