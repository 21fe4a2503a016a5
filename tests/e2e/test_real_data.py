"""`segport prepare` on real data sets as they come, a few pairs of each; each layout and encoding is another."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

pytestmark = pytest.mark.data


def pixels(path: Path) -> np.ndarray:
    with Pillow.open(path) as picture:
        return np.asarray(picture)


def row_of(prepared: Path, key: str) -> dict[str, str]:
    header, *rows = (line.split(",") for line in (prepared / "metadata.csv").read_text(encoding="utf-8").splitlines())
    (found,) = (dict(zip(header, row, strict=True)) for row in rows if row[0] == key)
    return found


def listed(tmp_path: Path, pairs: list[tuple[Path, Path]]) -> Path:
    listing = tmp_path / "pairs.csv"
    listing.write_text("image,mask\n" + "".join(f"{image},{mask}\n" for image, mask in pairs), encoding="utf-8")
    return listing


def test_nuclei_of_the_science_bowl(cli, data_root: Path, tmp_path: Path) -> None:
    """RGBA images, one mask file a nucleus: the label is their union."""
    home = data_root / "open" / "dsb2018" / "stage1_train"
    source = tmp_path / "source"
    for folder in sorted(home.iterdir())[:6]:
        shutil.copytree(folder, source / folder.name)
    said = cli("prepare", source, tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert said.object["task"] == "binary"
    assert said.object["reader"] == "dsb2018"
    assert sum(said.object["split_sizes"].values()) == 6
    key = sorted(home.iterdir())[0].name
    union = np.any([pixels(path) > 0 for path in (home / key / "masks").iterdir()], axis=0)
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "masks" / f"{key}.png"), union)


def test_nuclei_the_whole_way(cli, data_root: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """Images of several sizes, letterboxed: masks from files score what evaluate counted, at the images' own sizes."""
    home = data_root / "open" / "dsb2018" / "stage1_train"
    folders = sorted(home.iterdir())
    source, images, truth = (tmp_path / name for name in ("source", "images", "truth"))
    for folder in (*folders[:5], *folders[-5:]):
        shutil.copytree(folder, source / folder.name)
    data, run = tmp_path / "data", tmp_path / "run"
    assert cli("prepare", source, data, "--split", "0.5,0.2,0.3").code == 0
    assert cli("train", data, "--run", run, *tiny, "--fit", "letterbox", "--epochs", "2").code == 0
    evaluated = cli("evaluate", run, "--json").object
    for folder in (images, truth):
        folder.mkdir()
    for line in (data / "metadata.csv").read_text(encoding="utf-8").splitlines():
        key, split = line.split(",")[:2]
        if split == "test":
            row = row_of(data, key)
            shutil.copy(data / row["image"], images)
            shutil.copy(data / row["mask"], truth)
    assert cli("predict", run, images, "--out", tmp_path / "masks", "--no-overlays").code == 0
    scored = cli("score", tmp_path / "masks", truth, "--classes", data / "class_dict.csv", "--json").object
    assert scored["images"] == evaluated["images"] == 3
    assert scored["scores"] == evaluated["scores"]


def test_camvid_as_segnet_lists_it(cli, data_root: Path, tmp_path: Path) -> None:
    """JPEG images, index masks of other extensions, lists whose paths lead elsewhere; 11 is void."""
    home = data_root / "research_only" / "camvid" / "CamVid"
    lines = (home / "val.txt").read_text(encoding="utf-8").splitlines()[:4]
    pairs = [[home / Path(name).relative_to("/SegNet/CamVid") for name in line.split()] for line in lines]
    first_six = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree")
    names = (*first_six, "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist")
    table = tmp_path / "class_dict.csv"
    table.write_text(
        "name,r,g,b\n" + "".join(f"{name},{i},{i},{i + 100}\n" for i, name in enumerate(names)), encoding="utf-8"
    )
    listing = listed(tmp_path, [(image, mask) for image, mask in pairs])
    said = cli("prepare", listing, tmp_path / "out", "--classes", table)
    said.failed(3, "value 11:", "11 classes", "--ignore 11")
    assert not (tmp_path / "out").exists()
    said = cli("prepare", listing, tmp_path / "out", "--classes", table, "--ignore", "11", "--json")
    assert said.code == 0, said.err
    assert said.object["ignored_pixels"] > 0
    for image, mask in pairs:
        truth = pixels(mask)
        stored = pixels(tmp_path / "out" / row_of(tmp_path / "out", image.stem)["mask"])
        np.testing.assert_array_equal(stored, np.where(truth == 11, 255, truth))


def test_camseq_in_colours_with_its_own_splits(cli, data_root: Path, tmp_path: Path) -> None:
    """train/ and train_labels/ with names that end in _L, colours, a table with spaces and no final newline."""
    said = cli("prepare", data_root / "research_only" / "camseq01_sss", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert said.object["split_sizes"] == {"train": 12, "val": 4, "test": 4}
    assert "class_dict.csv" in said.err or "as the source says" in said.err
    home = data_root / "research_only" / "camseq01_sss" / "CamVid"
    colours = {
        tuple(int(cell) for cell in line.split(",")[1:4]): index
        for index, line in enumerate((home / "class_dict.csv").read_text(encoding="utf-8").splitlines()[1:])
    }
    raw = pixels(home / "test_labels" / "0016E5_07969_L.png")[::9, ::9, :3].reshape(-1, 3)
    stored = pixels(tmp_path / "out" / row_of(tmp_path / "out", "0016E5_07969")["mask"])[::9, ::9].reshape(-1)
    assert [colours[tuple(colour)] for colour in raw.tolist()] == stored.tolist()


def test_membranes_of_isbi(cli, data_root: Path, tmp_path: Path) -> None:
    """image/ and label/, 0 and 255: binary without being told."""
    source = data_root / "research_only" / "isbi2012" / "data" / "membrane" / "train"
    said = cli("prepare", source, tmp_path / "out", "--reference", "--json")
    assert said.code == 0, said.err
    assert said.object["task"] == "binary"
    assert sum(said.object["split_sizes"].values()) == 30
    first = min((source / "label").iterdir())
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "masks" / f"{first.stem}.png"), pixels(first) == 255)


def test_pets_whose_labels_start_at_one(cli, data_root: Path, tmp_path: Path) -> None:
    """A GIF and a PNG under JPEG names, other files among the images, values 1 to 3 by a column of the table."""
    source = data_root / "open" / "oxford_pet"
    names = "name,r,g,b\npet,255,0,0\nbackground,0,0,0\nborder,255,255,255\n"
    table = tmp_path / "class_dict.csv"
    table.write_text(names, encoding="utf-8")
    said = cli("prepare", source, tmp_path / "out", "--classes", table)
    said.failed(3, "value 3", "start at 1", "'index'")
    table.write_text("name,r,g,b,index\npet,255,0,0,1\nbackground,0,0,0,2\nborder,255,255,255,3\n", encoding="utf-8")
    said = cli("prepare", source, tmp_path / "out", "--classes", table, "--json")
    assert said.code == 0, said.err
    assert sum(said.object["split_sizes"].values()) == 43
    trimap = source / "annotations" / "trimaps" / "Abyssinian_1.png"
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "masks" / "Abyssinian_1.png"), pixels(trimap) - 1)


def test_voc_with_its_border(cli, data_root: Path, tmp_path: Path) -> None:
    """Palette masks 0 to 20 and 255 along the borders, a list of names without colours."""
    home = data_root / "open" / "coco_voc_style" / "VOCdevkit" / "VOC2012"
    stems = (home / "ImageSets" / "Segmentation" / "val.txt").read_text(encoding="utf-8").split()[:8]
    pairs = [(home / "JPEGImages" / f"{stem}.jpg", home / "SegmentationClass" / f"{stem}.png") for stem in stems]
    names = "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person"
    table = tmp_path / "classes.txt"
    table.write_text("\n".join([*names.split(), "pottedplant", "sheep", "sofa", "train", "tv"]), encoding="utf-8")
    listing = listed(tmp_path, pairs)
    cli("prepare", listing, tmp_path / "out").failed(3, "value 255", "--ignore 255")
    said = cli("prepare", listing, tmp_path / "out", "--ignore", "255", "--json")
    assert said.code == 0, said.err
    assert said.object["task"] == "multiclass"
    assert said.object["ignored_pixels"] > 0
    for _, mask in pairs:
        np.testing.assert_array_equal(pixels(tmp_path / "out" / "masks" / mask.name), pixels(mask))
