"""Pairing and reading two folders of masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segport.adapters.data.encode import encode_mask
from segport.adapters.data.mask_folders import PictureMaskFolders
from segport.domain.classes import ClassMap, SegmentClass
from segport.domain.errors import DataError

FOLDERS = PictureMaskFolders()
TOWN = ClassMap(
    (
        SegmentClass("road", (128, 64, 128), (1,)),
        SegmentClass("car", (0, 0, 142), (2,)),
        SegmentClass("sky", (70, 130, 180), (3,)),
    )
)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 3), np.uint8)).save(path)
    return folder


def test_names_match_below_the_folders_and_up_to_endings(tmp_path: Path) -> None:
    truth = touch(tmp_path / "truth", "a_mask.png", "in/b.tif", "c.png", "c_mask.png")
    predictions = touch(tmp_path / "predictions", "a.png", "in/b.png", "c.png", "c_mask.png", "a_overlay.png")
    found = FOLDERS.pairs(predictions, truth)
    names = [(p.key, p.prediction.name, p.truth.name) for p in found.pairs]
    assert names == [
        ("a", "a.png", "a_mask.png"),
        ("c", "c.png", "c.png"),
        ("c_mask", "c_mask.png", "c_mask.png"),
        ("in/b", "b.png", "b.tif"),
    ]
    assert [path.name for path in found.extra] == ["a_overlay.png"]


def test_only_what_predict_drew_beside_its_masks_is_none(tmp_path: Path) -> None:
    """It says which folders are its own; anywhere else a picture of such a name is somebody's mask."""
    names = ("a.png", "a_overlay.png", "c_overlay.png", "d/a_overlay.png")
    truth = touch(tmp_path / "truth", "a.png", "a_overlay.png")
    predictions = touch(tmp_path / "predictions", *names)
    assert [pair.key for pair in FOLDERS.pairs(predictions, truth).pairs] == ["a", "a_overlay"]
    (predictions / "predictions.json").touch()
    (truth / "a_overlay.png").unlink()
    extra = {path.relative_to(predictions).as_posix() for path in FOLDERS.pairs(predictions, truth).extra}
    assert extra == {"c_overlay.png", "d/a_overlay.png"}


def test_every_missing_prediction_and_repeated_name_is_listed(tmp_path: Path) -> None:
    truth = touch(tmp_path / "truth", "a.png", "b.png", "c.png", "c.tif")
    with pytest.raises(DataError) as caught:
        FOLDERS.pairs(touch(tmp_path / "predictions", "a.png"), truth)
    expected = ("same name twice: c.png and c.tif", "no prediction for b.png", "no prediction for c.png")
    assert caught.value.problems == expected


def test_folders_that_are_not_there_or_empty_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        FOLDERS.pairs(tmp_path, tmp_path / "empty")
    with pytest.raises(DataError, match="nowhere is not there"):
        FOLDERS.pairs(tmp_path / "nowhere", tmp_path)


def test_classes_are_found_beside_the_masks(tmp_path: Path) -> None:
    truth = touch(tmp_path / "truth", "a.png")
    assert FOLDERS.classes(truth, truth) is None
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nroad,1,2,3\n")
    found = FOLDERS.classes(truth, truth)
    assert found is not None
    assert found.names == ("road",)


def test_palette_masks_of_class_indices_are_not_taken_for_raw_values(tmp_path: Path) -> None:
    """Index 1 is a car; raw value 1 is a road. Only the palette tells them apart."""
    labels = np.array([[1, 1, 2]], np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(encode_mask(labels, TOWN.palette()))
    assert np.array_equal(FOLDERS.read_prediction(path, TOWN), labels)


def test_grey_masks_hold_raw_values(tmp_path: Path) -> None:
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "a.png")
    assert FOLDERS.read_prediction(tmp_path / "a.png", TOWN).tolist() == [[0, 1, 2]]
    assert FOLDERS.read_truth(tmp_path / "a.png", TOWN).tolist() == [[0, 1, 2]]


def test_palette_masks_of_other_colours_hold_raw_values(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(
        encode_mask(np.array([[1, 3]], np.uint8), ClassMap.of(["a", "b", "c", "d"]).palette())
    )
    assert FOLDERS.read_prediction(tmp_path / "a.png", TOWN).tolist() == [[0, 2]]
