"""Layouts on disk: what is found, what it is matched with, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.plugin import segport_readers
from segport.adapters.data.readers.dsb2018 import ScienceBowlReader
from segport.adapters.data.readers.filelist import FileListReader
from segport.adapters.data.readers.folders import FolderReader
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError

FOLDERS, BOWL, LISTED = FolderReader(), ScienceBowlReader(), FileListReader()
MASK = np.array([[0, 255, 0], [0, 255, 255]], np.uint8)


def put(root: Path, *names: str, values: np.ndarray = MASK) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(values).save(path)


def keys(reader: FolderReader, source: Path) -> list[tuple[str, str, str | None]]:
    return [(item.key, item.masks[0].name, item.split) for item in reader.items(source)]


def test_flat_folders_match_by_stem_whatever_the_extension(tmp_path: Path) -> None:
    put(tmp_path, "images/b.jpg", "images/a.png", "masks/a.png", "masks/b.png")
    (tmp_path / "images" / "Thumbs.db").write_bytes(b"junk")
    (tmp_path / "images" / "a.mat").write_bytes(b"junk")
    (tmp_path / "masks" / "._a.png").write_bytes(b"junk")
    assert keys(FOLDERS, tmp_path) == [("a", "a.png", None), ("b", "b.png", None)]
    assert "images/ and masks/" in (FOLDERS.recognises(tmp_path) or "")


def test_endings_are_matched_but_an_equal_name_goes_first(tmp_path: Path) -> None:
    put(tmp_path, "image/a.png", "image/a_mask.png", "image/c_sat.png")
    put(tmp_path, "label/a_mask.png", "label/a_L.png", "label/c_mask.png")
    found = [(item.image.name, item.masks[0].name) for item in FOLDERS.items(tmp_path)]
    assert found == [("a.png", "a_L.png"), ("a_mask.png", "a_mask.png"), ("c_sat.png", "c_mask.png")]


@pytest.mark.parametrize(
    "layout",
    [
        ("train/images/a.png", "train/masks/a.png", "valid/images/b.png", "valid/masks/b.png"),
        ("train/a.png", "train_labels/a_L.png", "val/b.png", "val_labels/b_L.png"),
        ("train/a.jpg", "trainannot/a.png", "val/b.jpg", "valannot/b.png"),
        ("images/train/a.png", "masks/train/a.png", "images/val/b.png", "masks/val/b.png"),
        (
            "deep/er/Train/a.png",
            "deep/er/train_masks/a.png",
            "deep/er/validation/b.png",
            "deep/er/validation_masks/b.png",
        ),
    ],
)
def test_splits_are_found_in_every_layout(tmp_path: Path, layout: tuple[str, ...]) -> None:
    put(tmp_path, *layout)
    assert [(item.key, item.split) for item in FOLDERS.items(tmp_path)] == [("a", "train"), ("b", "val")]


def test_names_shared_between_splits_get_the_split_in_front(tmp_path: Path) -> None:
    put(tmp_path, "train/images/0.png", "train/masks/0.png", "test/images/0.png", "test/masks/0.png")
    assert [item.key for item in FOLDERS.items(tmp_path)] == ["test-0", "train-0"]


def test_subfolders_become_part_of_the_key(tmp_path: Path) -> None:
    put(
        tmp_path, "images/train/ulm/0.png", "masks/train/ulm/0.png", "images/train/bonn/0.png", "masks/train/bonn/0.png"
    )
    assert [item.key for item in FOLDERS.items(tmp_path)] == ["bonn-0", "ulm-0"]


def test_the_only_folder_of_pictures_among_the_annotations_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg", "annotations/trimaps/a.png")
    (tmp_path / "annotations" / "xmls").mkdir()
    assert keys(FOLDERS, tmp_path) == [("a", "a.png", None)]


def test_all_orphans_and_repeated_names_come_in_one_error_worst_first(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", "images/a.jpg", "images/b.png", "masks/a.png", "masks/c.png")
    put(tmp_path, "images/d.png", "masks/d_mask.png", "masks/d_L.png")
    with pytest.raises(DataError) as caught:
        FOLDERS.items(tmp_path)
    assert caught.value.problems == (
        "same name twice: images/a.jpg and images/a.png",
        "two masks for one image: masks/d_L.png and masks/d_mask.png",
        "image without mask: images/b.png",
        "mask without image: masks/c.png",
    )
    assert "4 problems" in caught.value.message


def test_many_problems_are_cut_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "masks/x.png", *(f"images/{n}.png" for n in range(30)))
    with pytest.raises(DataError) as caught:
        FOLDERS.items(tmp_path)
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "... and 11 more"


def test_an_empty_or_other_folder_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"it is empty(.|\n)*images/ and masks/"):
        FOLDERS.items(tmp_path)
    put(tmp_path, "pictures/a.png")
    assert FOLDERS.recognises(tmp_path) is None
    with pytest.raises(DataError, match="in it: pictures"):
        FOLDERS.items(tmp_path)
    with pytest.raises(DataError, match="not there"):
        FOLDERS.items(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is empty: no folders <id>/images"):
        BOWL.items(tmp_path / "empty")


def test_a_class_table_is_found_beside_the_splits(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 0, 9]]], np.uint8)
    put(tmp_path, "data/train/a.png", "data/train_labels/a.png", values=colours)
    (tmp_path / "data" / "class_dict.csv").write_text("name, r, g, b\nred, 255, 0, 0\nnight, 0, 0, 9")
    classes = FOLDERS.classes(tmp_path)
    assert classes is not None
    assert classes.names == ("red", "night")
    assert FOLDERS.read_labels(FOLDERS.items(tmp_path)[0], classes).tolist() == [[0, 1]]


@pytest.mark.parametrize("text", ["sky\nroad\n", "3 road\n0 sky\n"])
def test_a_list_of_names_is_a_class_table_too(tmp_path: Path, text: str) -> None:
    put(tmp_path, "images/a.png", "masks/a.png", values=MASK)
    (tmp_path / "codes.txt").write_text(text)
    classes = FOLDERS.classes(tmp_path)
    assert classes is not None
    assert classes.names == ("sky", "road")
    assert classes.classes[1].values == ((3,) if "3" in text else (1,))


@pytest.mark.parametrize(("values", "binary"), [([0, 255], True), ([0, 1], True), ([0, 2], False), ([0, 0], False)])
def test_two_values_imply_a_binary_class_map(tmp_path: Path, values: list[int], binary: bool) -> None:
    put(tmp_path, "images/a.png", "masks/a.png", values=np.array([values], np.uint8))
    classes = FOLDERS.classes(tmp_path)
    assert (classes == ClassMap.binary()) if binary else classes is None


def bowl(root: Path) -> None:
    put(root, "x1/images/x1.png", "x0/images/x0.png", values=np.zeros((2, 3, 4), np.uint8))
    put(root, "x0/masks/m1.png", "x1/masks/m.png")
    put(root, "x0/masks/m2.png", values=np.array([[255, 0, 0], [0, 255, 0]], np.uint8))


@pytest.mark.parametrize("inner", ["", "stage1_train"])
def test_the_union_of_all_masks_is_the_label(tmp_path: Path, inner: str) -> None:
    bowl(tmp_path / inner)
    assert "2 folders" in (BOWL.recognises(tmp_path) or "")
    assert FOLDERS.recognises(tmp_path) is None
    items = BOWL.items(tmp_path)
    assert [item.key for item in items] == ["x0", "x1"]
    classes = BOWL.classes(tmp_path)
    assert classes is not None
    assert BOWL.read_labels(items[0], classes).tolist() == [[1, 1, 0], [0, 1, 1]]
    assert BOWL.read_image(items[0]).shape == (2, 3, 3)


def test_incomplete_bowl_folders_are_listed_together(tmp_path: Path) -> None:
    bowl(tmp_path)
    put(tmp_path, "x2/images/x2.png", "x3/masks/m.png")
    with pytest.raises(DataError) as caught:
        BOWL.items(tmp_path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["x2", "x3"]
    assert "image without mask" in caught.value.problems[0]


def test_bowl_masks_of_another_size_or_value_are_refused_by_name(tmp_path: Path) -> None:
    bowl(tmp_path)
    put(tmp_path, "x0/masks/m3.png", values=np.zeros((5, 5), np.uint8))
    with pytest.raises(DataError, match=r"m3\.png is 5 x 5, but m1\.png is 3 x 2"):
        BOWL.read_labels(BOWL.items(tmp_path)[0], ClassMap.binary())
    put(tmp_path, "x0/masks/m3.png", values=np.full((2, 3), 9, np.uint8))
    with pytest.raises(DataError, match=r"m3\.png(.|\n)*value 9: 6 pixels"):
        BOWL.read_labels(BOWL.items(tmp_path)[0], ClassMap.binary())


@pytest.mark.parametrize(
    "line", ["{i},{m},val", "{i}\t{m}\tval", "{i} {m} validation", "/else/where/{i}, /else/where/{m}, val"]
)
def test_lists_are_read_in_their_variants(tmp_path: Path, line: str) -> None:
    put(tmp_path, "in/a.png", "out/a_x.png")
    path = tmp_path / "list.txt"
    path.write_text("image,mask,split\n# note\n\n" + line.format(i="in/a.png", m="out/a_x.png") + "\n")
    assert "1 pairs" in (LISTED.recognises(path) or "")
    assert [(item.key, item.masks[0].name, item.split) for item in LISTED.items(path)] == [("a", "a_x.png", "val")]
    assert LISTED.classes(path) == ClassMap.binary()


def test_every_bad_line_of_a_list_is_named(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    path = tmp_path / "list.csv"
    path.write_text("a.png,b.png\ngone.png,b.png\nlonely.png\na.png,b.png\n")
    with pytest.raises(DataError) as caught:
        LISTED.items(path)
    first, second, third = caught.value.problems
    assert first == "list.csv, line 2: the image gone.png is not there"
    assert second.startswith("list.csv, line 3: expected an image and a mask")
    assert third.endswith("a.png: listed 2 times")


def test_equal_stems_in_a_list_get_their_folders_into_the_key(tmp_path: Path) -> None:
    put(tmp_path, "p/a.png", "q/a.png", "m.png")
    path = tmp_path / "list.csv"
    path.write_text("p/a.png,m.png\nq/a.png,m.png\n")
    assert [item.key for item in LISTED.items(path)] == ["p-a", "q-a"]


def test_every_reader_is_offered_under_its_own_name() -> None:
    for entry in segport_readers():
        assert entry.load()().name == entry.name


def test_equal_paths_but_for_the_suffix_get_it_into_the_key(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "a.jpg", "m.png", "n.png")
    path = tmp_path / "list.csv"
    path.write_text("a.png,m.png\na.jpg,n.png\n")
    assert [(item.key, item.masks[0].name) for item in LISTED.items(path)] == [("a-jpg", "n.png"), ("a-png", "m.png")]


def test_two_images_that_cannot_be_told_apart_by_an_id_are_named(tmp_path: Path) -> None:
    put(tmp_path, "a-b/c.png", "a/b-c.png", "m.png", "d/c.png", "d/b-c.png")
    path = tmp_path / "list.csv"
    path.write_text("".join(f"{name},m.png\n" for name in ("a-b/c.png", "a/b-c.png", "d/c.png", "d/b-c.png")))
    with pytest.raises(DataError, match=r"a-b/c\.png and .*a/b-c\.png would have one id, a-b-c\.?"):
        LISTED.items(path)
