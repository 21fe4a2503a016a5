"""Train, evaluate, predict, score: what each command writes, and that they agree with one another."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.fixture(scope="module")
def letterboxed(prepared: Path, tiny: tuple[str, ...]) -> Path:
    """A run on whole images, resized: its predictions are brought back to the images' own sizes."""
    from segport.cli.main import main

    run = prepared.parent / "letterboxed"
    flags = ("--fit", "letterbox", "--epochs", "2", "--rate", "0.01", "--quiet")
    assert main(["train", str(prepared), "--run", str(run), *tiny, *flags]) == 0
    return run


@pytest.fixture(params=["native", "letterbox"])
def run(request: pytest.FixtureRequest, trained: Path) -> Path:
    found: Path = trained if request.param == "native" else request.getfixturevalue("letterboxed")
    return found


def pixels(path: Path) -> np.ndarray:
    with Pillow.open(path) as picture:
        return np.asarray(picture)


def split_files(prepared: Path, folder: str, split: str = "test") -> list[Path]:
    rows = (prepared / "metadata.csv").read_text(encoding="utf-8").splitlines()
    column = rows[0].split(",").index(folder.removesuffix("s"))
    return [prepared / row.split(",")[column] for row in rows[1:] if row.split(",")[1] == split]


def test_a_run_holds_what_is_promised(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {"run.toml", "metrics.csv", "events.jsonl", "checkpoints"} <= names
    checkpoints = sorted(path.name for path in (trained / "checkpoints").iterdir())
    assert "best.safetensors" in checkpoints
    assert "last.safetensors" in checkpoints
    assert any(name.startswith("epoch-000") and "-miou-0." in name for name in checkpoints)
    assert len((trained / "metrics.csv").read_text(encoding="utf-8").splitlines()) == 1 + 3
    for line in (trained / "events.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line)


@pytest.mark.parametrize("tile", [1024, 64])
def test_predicted_masks_score_what_evaluate_says(cli, run: Path, prepared: Path, tmp_path: Path, tile: int) -> None:
    """Two ways to one number: counted by the backend in batches, and from files by who knows no model."""
    images, truth = tmp_path / "images", tmp_path / "truth"
    for folder, target in (("images", images), ("masks", truth)):
        target.mkdir()
        for path in split_files(prepared, folder):
            shutil.copy(path, target)
    assert len(list(images.iterdir())) == 4
    evaluated = cli("evaluate", run, "--tile", tile, "--out", tmp_path / "evaluation", "--json").object
    assert cli("predict", run, images, "--tile", tile, "--out", tmp_path / "masks", "--no-overlays").code == 0
    scored = cli(
        "score", tmp_path / "masks", truth, "--classes", prepared / "class_dict.csv", "--batch", 4, "--json"
    ).object
    assert scored["scores"] == evaluated["scores"]
    assert scored["intervals"] == evaluated["intervals"]
    low, high = scored["intervals"]["miou"]
    assert low < scored["scores"]["miou"] < high
    assert scored["classes"] == evaluated["classes"]
    assert scored["definitions"] == evaluated["definitions"]
    assert 0 < scored["scores"]["miou"] < 1


def test_evaluate_counts_every_pixel_once(cli, run: Path, prepared: Path, tmp_path: Path) -> None:
    assert cli("evaluate", run, "--out", tmp_path / "out", "--split", "val", "--batch", "3").code == 0
    (saved,) = tmp_path.rglob("*.npz")
    with np.load(saved) as arrays:
        counted = {str(k): int(c.sum()) for k, c in zip(arrays["keys"], arrays["counts"], strict=True)}
    expected = {path.stem: pixels(path).size for path in split_files(prepared, "masks", "val")}
    assert counted == expected


def test_evaluate_says_how_far_its_scores_would_move_with_other_images(cli, run: Path, tmp_path: Path) -> None:
    said = cli("evaluate", run, "--out", tmp_path / "out")
    for name in ("miou", "iou"):
        assert re.search(rf"^{name}: 0\.\d{{4}} to 0\.\d{{4}} in 95 % of sets of images drawn anew$", said.out, re.M)
    page = (tmp_path / "out" / "report-test.html").read_text(encoding="utf-8")
    assert "Confidence intervals" in page
    assert "images drawn with replacement 1000 times" in page


def test_images_of_a_group_are_drawn_anew_together(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    everything = sorted((shapes / "images").iterdir())
    training, images = everything[:3], everything[3:]

    def evaluated(name: str, groups: list[str]) -> str:
        listed = [(image, "train", "") for image in training]
        listed += [(image, "test", group) for image, group in zip(images, groups, strict=True)]
        lines = [f"{image},{shapes / 'masks' / image.name},{split},{group}" for image, split, group in listed]
        (tmp_path / f"{name}.txt").write_text("\n".join(["image,mask,split,group", *lines]), encoding="utf-8")
        classes = ("--classes", shapes / "class_dict.csv")
        assert cli("prepare", tmp_path / f"{name}.txt", tmp_path / name, *classes).code == 0
        return cli("evaluate", trained, "--data", tmp_path / name, "--out", tmp_path / f"{name} scored").out

    some = evaluated("some", ["slide"] * 6 + [""] * (len(images) - 6))
    assert re.search(r"^miou: .* in 95 % of sets of groups of images drawn anew$", some, re.M)
    page = (tmp_path / "some scored" / "report-test.html").read_text(encoding="utf-8")
    assert f"{len(images) - 5} groups of images drawn" in page
    assert "drawn anew" not in evaluated("one", ["slide"] * len(images))


def test_evaluate_does_not_depend_on_the_batch(cli, run: Path, tmp_path: Path) -> None:
    scores = [
        cli("evaluate", run, "--batch", batch, "--out", tmp_path / f"out{batch}", "--json").object["scores"]
        for batch in (1, 4)
    ]
    for name, value in scores[0].items():
        # other shapes may be added up in another order on the way: a pixel on the fence may fall to the other side
        assert scores[1][name] == pytest.approx(value, abs=2e-3), name


SIZES = [(64, 64), (1, 1), (37, 111), (130, 5)]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "LA", "CMYK"])
def test_any_image_gets_a_palette_mask_of_its_own_size(
    cli, run: Path, prepared: Path, tmp_path: Path, mode: str
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(3)
    for number, (height, width) in enumerate(SIZES):
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        ending = "tif" if mode == "CMYK" else "png"
        Pillow.fromarray(pixels).convert(mode).save(images / f"i{number}.{ending}")
    said = cli("predict", run, images, "--out", tmp_path / "masks", "--json", "--no-overlays")
    assert said.code == 0, said.err
    assert [Path(path).name for path in said.object["masks"]] == [f"i{n}.png" for n in range(len(SIZES))]
    colours = [[0, 0, 0]]
    for number, (height, width) in enumerate(SIZES):
        with Pillow.open(tmp_path / "masks" / f"i{number}.png") as mask:
            assert mask.mode == "P"
            assert mask.size == (width, height)
            assert np.asarray(mask).max() < 4
            colours = np.reshape(mask.getpalette()[:12], (4, 3)).tolist()
    table = (prepared / "class_dict.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert colours == [[int(value) for value in row.split(",")[1:4]] for row in table]


def test_files_folders_and_globs_in_one_go(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    images = sorted((shapes / "images").iterdir())
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(images[0], few / "another.png")
    (few / "notes.txt").write_text("no picture", encoding="utf-8")
    glob = shapes / "images" / f"{images[4].stem[:-1]}*"
    out = tmp_path / "out"
    said = cli("predict", trained, few, images[3], glob, "--out", out, "--probabilities", "--json")
    assert said.code == 0, said.err
    expected = {"another", images[3].stem, *(path.stem for path in glob.parent.glob(glob.name))}
    assert {Path(path).stem for path in said.object["masks"]} == expected
    assert pixels(out / f"{images[3].stem}_overlay.png").size >= pixels(images[3]).size
    probabilities = np.load(out / f"{images[3].stem}.npy")
    mask = pixels(out / f"{images[3].stem}.png")
    assert probabilities.shape == (*mask.shape, 4)
    assert probabilities.dtype == np.float16
    np.testing.assert_allclose(probabilities.astype(np.float64).sum(axis=-1), 1, atol=4e-3)
    best = probabilities.max(axis=-1)
    chosen = np.take_along_axis(probabilities, mask[..., None].astype(np.int64), axis=-1)[..., 0]
    np.testing.assert_array_equal(chosen, best)


def test_inputs_that_give_nothing_are_all_named(cli, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    said = cli("predict", trained, tmp_path / "empty", tmp_path / "no.png", tmp_path / "*.jpg", "--out", out)
    said.failed(3, "empty: no pictures in it", "no.png: does not exist", "*.jpg")
    assert not out.exists()


def test_two_inputs_of_one_name_are_refused(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    image = min((shapes / "images").iterdir())
    shutil.copy(image, tmp_path)
    said = cli("predict", trained, image, tmp_path / image.name, "--out", tmp_path / "out")
    said.failed(3, f"{image.stem}.png: of {image} and of {tmp_path / image.name}", "different ones")
    assert not (tmp_path / "out").exists()


def test_no_image_is_written_over(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    """A mask has the name of its image: in one folder it took its place."""
    image = Path(shutil.copy(min((shapes / "images").iterdir()), tmp_path / "a.png"))
    shutil.copy(image, tmp_path / "a_overlay.png")
    before = image.read_bytes()
    cli("predict", trained, image, "--out", tmp_path).failed(3, f"{image} is one of the images", "--out")
    both = [image, tmp_path / "a_overlay.png"]
    cli("predict", trained, *both, "--out", tmp_path / "out").failed(3, "a_overlay.png: of ")
    assert image.read_bytes() == before and not (tmp_path / "out").exists()
    assert cli("predict", trained, *both, "--out", tmp_path / "out", "--no-overlays").code == 0


def test_masks_that_somebody_drew_are_not_written_over(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    """They have the names of their images, and lie in a folder that is called masks as often as not."""
    image, truth = min((shapes / "images").iterdir()), min((shapes / "masks").iterdir())
    drawn = Path(shutil.copy(truth, tmp_path / f"{image.stem}.png"))
    before = drawn.read_bytes()
    cli("predict", trained, image, "--out", tmp_path).failed(3, f"{drawn} is there already", "--out")
    assert drawn.read_bytes() == before
    drawn.unlink()
    assert cli("predict", trained, image, "--out", tmp_path).code == 0
    assert json.loads((tmp_path / "predictions.json").read_text())["run"] == str(trained)
    assert cli("predict", trained, image, "--out", tmp_path).code == 0  # its own it may


def test_images_that_cannot_be_read_do_not_end_the_others(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    shutil.copytree(shapes / "images", folder)
    first, second, *others = sorted(folder.iterdir())
    for path in (first, second):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[: len(data) // 2])
    said = cli("predict", trained, folder, "--out", out, "--no-overlays")
    said.failed(3, f"2 of {len(others) + 2} images cannot be read", f"the others are in {out}", str(first), str(second))
    assert sorted(path.name for path in out.glob("*.png")) == [f"{path.stem}.png" for path in others]


def test_data_made_anew_is_not_scored_unless_it_is_named(
    cli, trained: Path, shapes: Path, tmp_path: Path, tiny
) -> None:
    """Otherwise a model would be tested on images that it learned from."""
    data, run = tmp_path / "data", tmp_path / "run"
    assert cli("prepare", shapes, data, "--split", "0.5,0.25,0.25", "--seed", "1").code == 0
    assert cli("train", data, "--run", run, *tiny, "--epochs", "1").code == 0
    shutil.rmtree(data)
    assert cli("prepare", shapes, data, "--split", "0.5,0.25,0.25", "--seed", "2").code == 0
    cli("evaluate", run).failed(3, "fingerprint differs", "learned from", f"--data {data}")
    cli("train", "--resume", run).failed(3, "fingerprint differs")
    assert cli("evaluate", run, "--data", data).code == 0


def test_a_broken_picture_is_named(cli, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    said = cli("predict", trained, tmp_path / "bad.png", "--out", tmp_path / "out")
    said.failed(3, "bad.png", "0 bytes")
    assert not (tmp_path / "out").exists()


def test_tiles_agree_with_the_whole_image(cli, trained: Path, shapes: Path, tmp_path: Path) -> None:
    """A large image in tiles differs from the same in one piece only by what the tiles' edges cannot see."""
    parts = [pixels(path)[:64, :64] for path in sorted((shapes / "images").iterdir())[:12]]
    mosaic = np.concatenate([np.concatenate(parts[i : i + 4], axis=1) for i in (0, 4, 8)])
    assert mosaic.shape == (192, 256, 3)
    Pillow.fromarray(mosaic).save(tmp_path / "large.png")
    masks = {}
    for name, flags in {"whole": ("--tile", 512), "tiles": ("--tile", 128, "--overlap", 64)}.items():
        said = cli("predict", trained, tmp_path / "large.png", "--out", tmp_path / name, *flags)
        assert said.code == 0, said.err
        masks[name] = pixels(tmp_path / name / "large.png")
    agreement = (masks["whole"] == masks["tiles"]).mean()
    assert agreement > 0.99


def test_a_lone_checkpoint_file_is_enough(cli, trained: Path, shapes: Path, prepared: Path, tmp_path: Path) -> None:
    lone = Path(shutil.copy(trained / "checkpoints" / "best.safetensors", tmp_path / "model.safetensors"))
    image = min((shapes / "images").iterdir())
    for name, model in {"run": trained, "file": lone}.items():
        assert cli("predict", model, image, "--out", tmp_path / name, "--no-overlays").code == 0
    masks = [(tmp_path / name / f"{image.stem}.png").read_bytes() for name in ("run", "file")]
    assert masks[0] == masks[1]
    cli("evaluate", lone).failed(2, "model.safetensors", "--data")
    assert cli("evaluate", lone, "--data", prepared, "--out", tmp_path / "out").code == 0


def test_score_names_what_is_missing(cli, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    said = cli("score", tmp_path / "none", prepared / "masks", "--out", tmp_path / "out")
    said.failed(3, "no prediction for")
    assert not (tmp_path / "out").exists()


def test_the_same_seed_makes_the_same_data(cli, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert cli("generate", "shapes", tmp_path / name, "--num-images", 3, "--seed", 7).code == 0
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_generate_does_not_overwrite(cli, shapes: Path) -> None:
    said = cli("generate", "shapes", shapes)
    assert said.code in (2, 3)
    assert str(shapes) in said.err


def test_prepared_images_are_links_and_reference_leaves_them(cli, shapes: Path, tmp_path: Path) -> None:
    assert cli("prepare", shapes, tmp_path / "linked").code == 0
    one = next(path for path in (tmp_path / "linked" / "images").iterdir())
    assert one.read_bytes() == (shapes / "images" / one.name).read_bytes()
    assert cli("prepare", shapes, tmp_path / "referred", "--reference").code == 0
    assert not list((tmp_path / "referred" / "images").iterdir())
    assert cli("inspect", tmp_path / "referred", "--out", tmp_path / "sheets").code == 0


def test_holdout_is_set_aside(cli, shapes: Path, tmp_path: Path) -> None:
    said = cli("prepare", shapes, tmp_path / "out", "--holdout", 3, "--json")
    assert said.object["split_sizes"]["holding"] == 3
    assert sum(said.object["split_sizes"].values()) == 16


def test_the_numbers_of_a_binary_task_agree_too(cli, source: Path, tmp_path: Path, tiny) -> None:
    """One logit: the threshold of the backend and the decision of the predictor are the same."""
    data, run = tmp_path / "data", tmp_path / "run"
    said = cli("prepare", source, data, "--json")
    assert said.object["task"] == "binary"
    assert cli("train", data, "--run", run, *tiny, "--epochs", "1").code == 0
    for split in ("train", "val", "test"):
        evaluated = cli("evaluate", run, "--split", split, "--out", tmp_path / split, "--json").object
        images = split_files(data, "images", split)
        assert cli("predict", run, *images, "--out", tmp_path / f"{split}-masks", "--no-overlays").code == 0
        truth = tmp_path / f"{split}-truth"
        truth.mkdir()
        for path in split_files(data, "masks", split):
            shutil.copy(path, truth)
        scored = cli("score", tmp_path / f"{split}-masks", truth, "--classes", data / "class_dict.csv", "--json")
        assert scored.object["scores"] == evaluated["scores"]
