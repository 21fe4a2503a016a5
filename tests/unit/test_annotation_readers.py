"""Layouts that others made known: COCO, Open Images, LabelMe, VOC, Cityscapes, class masks, SegNet's lists."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.plugin import segport_readers
from segport.adapters.data.readers.cityscapes import CityscapesReader
from segport.adapters.data.readers.classmasks import ClassMaskReader
from segport.adapters.data.readers.coco import CocoReader
from segport.adapters.data.readers.filelist import FileListReader
from segport.adapters.data.readers.labelme import LabelMeReader
from segport.adapters.data.readers.openimages import OpenImagesReader
from segport.adapters.data.readers.voc import VocReader
from segport.domain.arrays import IGNORE
from segport.domain.class_names import parse_class_names, parse_label_colours
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError, InvalidSpecError, UnknownNameError
from segport.domain.masks.runlength import compress, to_counts
from segport.domain.ports.dataset import Reader

HEIGHT, WIDTH = 6, 8
SQUARE = [1, 1, 5, 1, 5, 5, 1, 5]
"""Rows 1 to 4, columns 1 to 4."""
PIXEL = np.zeros((HEIGHT, WIDTH), np.uint8)
PIXEL[2, 2] = 1
HALF = np.zeros((HEIGHT, WIDTH), np.uint8)
HALF[:, 4:] = 1


def picture(path: Path, values: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8) if values is None else values).save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def png(values: np.ndarray) -> str:
    buffer = BytesIO()
    Pillow.fromarray(values).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def labels_of(reader: Reader, source: Path, classes: ClassMap | None = None) -> list[np.ndarray]:
    table = classes or reader.classes(source)
    assert table is not None
    return [reader.read_labels(item, table) for item in reader.items(source)]


# COCO


def coco(root: Path, annotations: list[dict[str, Any]], split: str = "train", **changes: Any) -> Path:
    image = {"id": 7, "file_name": f"{split}.png", "height": HEIGHT, "width": WIDTH}
    categories = [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}]
    data = {"images": [image], "categories": categories, "annotations": annotations} | changes
    picture(root / "images" / split / f"{split}.png")
    return text(root / "annotations" / f"instances_{split}.json", json.dumps(data))


def region(number: int, category: int, segmentation: object, **more: object) -> dict[str, Any]:
    return {"id": number, "image_id": 7, "category_id": category, "segmentation": segmentation, **more}


def test_coco_polygons_and_both_run_lengths_become_labels_by_category(tmp_path: Path) -> None:
    runs = {"counts": to_counts(PIXEL), "size": [HEIGHT, WIDTH]}
    packed = {"counts": compress(to_counts(HALF)), "size": [HEIGHT, WIDTH]}
    coco(tmp_path, [region(1, 3, [SQUARE]), region(2, 9, runs)])
    coco(tmp_path, [region(1, 3, packed, iscrowd=1), region(2, 9, [SQUARE, [6, 0, 8, 0, 8, 2, 6, 2]])], "val")
    reader = CocoReader()
    assert reader.recognises(tmp_path) == (
        "found 2 images with 4 annotated regions in instances_train.json, instances_val.json"
    )
    classes = reader.classes(tmp_path)
    assert classes is not None and classes.names == ("background", "cat", "dog")
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [("train", "train"), ("val", "val")]
    first, second = labels_of(reader, tmp_path)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:5, 1:5] = 1
    expected[2, 2] = 2
    np.testing.assert_array_equal(first, expected)
    crowd = np.where(HALF, IGNORE, 0).astype(np.uint8)
    crowd[1:5, 1:5] = crowd[0:2, 6:8] = 2  # two parts of one dog, smaller than the crowd
    np.testing.assert_array_equal(second, crowd)


@pytest.mark.parametrize(("overlap", "winner"), [("smallest", 2), ("first", 1), ("last", 2)])
def test_who_gets_a_shared_pixel_is_an_option(tmp_path: Path, overlap: str, winner: int) -> None:
    runs = {"counts": to_counts(PIXEL), "size": [HEIGHT, WIDTH]}
    coco(tmp_path, [region(1, 3, [SQUARE]), region(2, 9, runs)])
    assert labels_of(CocoReader(overlap=overlap), tmp_path)[0][2, 2] == winner


def test_overlaps_can_be_refused_and_rules_that_are_none_are(tmp_path: Path) -> None:
    coco(tmp_path, [region(1, 3, [SQUARE]), region(2, 9, [SQUARE])])
    with pytest.raises(DataError, match="Masks overlap"):
        labels_of(CocoReader(overlap="refuse"), tmp_path)
    with pytest.raises(InvalidSpecError, match="overlap = 'largest': expected one of first, last, smallest, refuse"):
        CocoReader(overlap="largest")


def test_only_some_classes_can_be_taken_in_an_order_of_ones_own(tmp_path: Path) -> None:
    coco(tmp_path, [region(1, 3, [SQUARE]), region(2, 9, [[6, 0, 8, 0, 8, 2, 6, 2]])])
    reader = CocoReader(only=["dog"])
    assert [sorted(set(labels.ravel())) for labels in labels_of(reader, tmp_path)] == [[0, 1]]
    assert labels_of(reader, tmp_path)[0][0, 7] == 1
    assert CocoReader(only=["dog", "cat"]).classes(tmp_path).names == ("background", "dog", "cat")  # type: ignore[union-attr]
    with pytest.raises(UnknownNameError, match="'dogs'") as caught:
        CocoReader(only="dogs").classes(tmp_path)
    assert "Did you mean 'dog'?" in caught.value.fix


def test_a_class_table_decides_by_name_and_without_background_the_rest_is_ignored(tmp_path: Path) -> None:
    coco(tmp_path, [region(1, 3, [SQUARE])])
    labels = labels_of(CocoReader(), tmp_path, ClassMap.of(["dog", "cat"]))[0]
    assert labels[0, 0] == IGNORE and labels[2, 2] == 1
    with pytest.raises(DataError, match=r"instances_train\.json, annotation 1: the class 'cat' is not among the 1"):
        labels_of(CocoReader(), tmp_path, ClassMap.of(["dog"]))


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([], "segmentation is empty"),
        (None, "segmentation is empty"),
        ("abc", "segmentation is str"),
        ([[1, 2, 3, 4]], "Part 1 of 1: .*at least 3 corners"),
        ({"counts": [48], "size": [WIDTH, HEIGHT]}, r"segmentation\.size is \[8, 6\], but the image is \[6, 8\]"),
        ({"counts": [40], "size": [HEIGHT, WIDTH]}, "cover 40 pixels"),
        ({"counts": [1.5], "size": [HEIGHT, WIDTH]}, r"segmentation\.counts is \[1\.5\]"),
        ({"counts": "\x7f", "size": [HEIGHT, WIDTH]}, "no character"),
    ],
)
def test_a_segmentation_that_is_none_names_its_annotation(tmp_path: Path, segmentation: object, words: str) -> None:
    coco(tmp_path, [region(31, 3, segmentation)])
    with pytest.raises(DataError, match=rf"instances_train\.json, annotation 31: .*{words}"):
        labels_of(CocoReader(), tmp_path)


def test_all_references_to_nothing_come_in_one_error(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "train.png"}, {"id": 8, "file_name": "gone.png"}, {"file_name": "x.png"}]
    lost = [region(1, 4, []), region(2, 3, []) | {"image_id": 5}, {"id": 3, "image_id": 7}]
    coco(tmp_path, lost, images=images)
    with pytest.raises(DataError) as caught:
        CocoReader().items(tmp_path)
    where = "instances_train.json"
    assert sorted(caught.value.problems) == [
        f"{where}, annotation 1: category_id 4 is not among the categories",
        f"{where}, annotation 2: image_id 5 is not among the images",
        f"{where}, annotation 3: the field 'category_id' is missing",
        f"{where}, image 8: file_name gone.png is not there",
        f"{where}, image number 2: the field 'id' is missing",
    ]


def test_what_was_drawn_on_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "train.png", "height": WIDTH, "width": HEIGHT}]
    coco(tmp_path / "coco", [region(31, 3, [SQUARE])], images=images)
    where = r"instances_train\.json, annotation 31: drawn on an image of \(8, 6\) .*, but this one is \(6, 8\)"
    with pytest.raises(DataError, match=where):
        labels_of(CocoReader(), tmp_path / "coco")
    labelme(tmp_path / "labelme", [shape("x", "point", [[1, 1]])], imageHeight=600, imageWidth=800)
    with pytest.raises(DataError, match=r"a\.json, shapes\[0\]: drawn on an image of \(600, 800\)"):
        labels_of(LabelMeReader(), tmp_path / "labelme")


def test_of_several_kinds_of_coco_files_instances_are_read_or_what_is_asked_for(tmp_path: Path) -> None:
    path = coco(tmp_path, [region(1, 3, [SQUARE])])
    text(path.with_name("stuff_train.json"), path.read_text().replace('"cat"', '"sky"'))
    text(path.with_name("captions_train.json"), path.read_text().replace("segmentation", "caption"))
    for reader, name in ((CocoReader(), "cat"), (CocoReader(kind="stuff"), "sky")):
        assert reader.classes(tmp_path).names == ("background", name, "dog")  # type: ignore[union-attr]
        assert len(reader.items(tmp_path)) == 1
    assert CocoReader(kind="captions").recognises(tmp_path) is None


def test_coco_files_within_the_folders_of_splits_and_names_shared_between_them(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        path = coco(tmp_path / "other", [region(1, 3, [SQUARE])])
        text(tmp_path / "source" / split / "_annotations.coco.json", path.read_text())
        picture(tmp_path / "source" / split / "train.png")
    items = CocoReader().items(tmp_path / "source")
    assert [(item.key, item.split) for item in items] == [("train-train", "train"), ("val-train", "val")]
    path = coco(tmp_path / "other", [], images=[{"id": number, "file_name": "train.png"} for number in (1, 2)])
    path.write_text(path.read_text().replace('"annotations": []', '"annotations": [{"segmentation": []}]'))
    with pytest.raises(DataError, match=r"train\.png: listed 2 times"):
        CocoReader().items(tmp_path / "other")


def test_a_cut_off_coco_file_is_named_with_line_and_column(tmp_path: Path) -> None:
    path = coco(tmp_path, [region(1, 3, [SQUARE])])
    path.write_text(path.read_text()[:-10])
    with pytest.raises(DataError, match=r"instances_train\.json, line 1, column \d+: no JSON"):
        CocoReader().recognises(tmp_path)


def test_other_json_files_are_nobodys(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text(tmp_path / "config.json", '{"not": "closed"')
    text(tmp_path / "results.json", '[{"image_id": 1, "segmentation": {}}]')
    assert [entry.name for entry in segport_readers() if entry.load()().recognises(tmp_path)] == []


# Open Images

TABLE = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"


def open_images(root: Path, rows: list[str]) -> Path:
    text(root / "annotations" / "train-annotations-object-segmentation.csv", "\n".join([TABLE, *rows]) + "\n")
    text(root / "annotations" / "class-descriptions-boxable.csv", "/m/1,Cat\n/m/2,Dog\n/m/3,Animal\n/m/4,Hat\n")
    tree = {"LabelName": "/m/0", "Subcategory": [{"LabelName": "/m/3", "Subcategory": [{"LabelName": "/m/1"}]}]}
    text(root / "annotations" / "bbox_labels_600_hierarchy.json", json.dumps(tree))
    picture(root / "images" / "train" / "a.png")
    picture(root / "masks" / "train" / "a_1.png", np.kron(HALF, np.ones((2, 2), np.uint8)) * 255)  # twice as large
    picture(root / "masks" / "train" / "a_2.png", PIXEL == 1)
    return root


ROWS = ["a_1.png,a,/m/1,x,,,,,,", "a_2.png,a,/m/4,y,,,,,,", "b_1.png,b,/m/2,z,,,,,,"]


def test_open_images_masks_are_combined_and_brought_to_the_size_of_their_image(tmp_path: Path) -> None:
    source, reader = open_images(tmp_path, ROWS), OpenImagesReader()
    assert "train-annotations-object-segmentation.csv" in (reader.recognises(source) or "")
    classes = reader.classes(source)
    assert classes is not None and classes.names == ("background", "Cat", "Hat")  # no image of a dog is there
    (item,) = reader.items(source)
    assert (item.key, item.split, len(item.masks)) == ("a", "train", 2)
    expected = HALF.copy()
    expected[2, 2] = 2
    np.testing.assert_array_equal(reader.read_labels(item, classes), expected)


def test_open_images_classes_above_take_those_below(tmp_path: Path) -> None:
    source = open_images(tmp_path, ROWS)
    np.testing.assert_array_equal(labels_of(OpenImagesReader(only=["Animal"]), source)[0], HALF)
    nearest = OpenImagesReader(only=["Animal", "Cat"])
    np.testing.assert_array_equal(labels_of(nearest, source)[0], HALF * 2)
    with pytest.raises(UnknownNameError, match="'Cats'"):
        OpenImagesReader(only=["Cats"]).classes(source)
    for name in ("class-descriptions-boxable.csv", "bbox_labels_600_hierarchy.json"):
        (source / "annotations" / name).unlink()  # without names, labels are names
    assert OpenImagesReader(only=["/m/4"]).classes(source).names == ("background", "/m/4")  # type: ignore[union-attr]


def test_open_images_lost_masks_are_named_by_line_unless_their_class_is_not_wanted(tmp_path: Path) -> None:
    source = open_images(tmp_path, [*ROWS, "a_9.png,a,/m/2,q,,,,,,"])
    picture(source / "images" / "train" / "c.png")
    with pytest.raises(DataError) as caught:
        OpenImagesReader().items(source)
    unlisted, lost = caught.value.problems
    assert unlisted.startswith("image without mask: no table lists") and unlisted.endswith("c.png")
    assert lost == "train-annotations-object-segmentation.csv, line 5: MaskPath a_9.png is not there"
    (source / "images" / "train" / "c.png").unlink()
    assert len(OpenImagesReader(only=["Cat"]).items(source)) == 1


def test_an_open_images_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    source = open_images(tmp_path, [*ROWS, "short.png,a"])
    with pytest.raises(DataError, match=r"segmentation\.csv, line 5: MaskPath, ImageID, LabelName must not be empty"):
        OpenImagesReader().items(source)
    text(source / "annotations" / "train-annotations-object-segmentation.csv", "MaskPath,ImageID\na,b\n")
    with pytest.raises(DataError, match="has no column LabelName"):
        OpenImagesReader().items(source)


# LabelMe


def labelme(root: Path, shapes: list[dict[str, Any]], **changes: Any) -> Path:
    data = {"version": "5.0.1", "shapes": shapes, "imagePath": "a.png", "imageData": None} | changes
    picture(root / "a.png")
    return text(root / "a.json", json.dumps(data))


def shape(label: str, kind: str, points: list[list[float]], **more: object) -> dict[str, Any]:
    return {"label": label, "shape_type": kind, "points": points, **more}


@pytest.mark.parametrize(
    ("drawn", "pixels"),
    [
        (shape("x", "polygon", [[1, 1], [3, 1], [3, 3], [1, 3]]), 9),
        (shape("x", "rectangle", [[3, 3], [1, 1]]), 9),
        (shape("x", "circle", [[3, 3], [3, 4]]), 5),
        (shape("x", "line", [[0, 2], [7, 2]]), 24),
        (shape("x", "linestrip", [[0, 2], [3, 2], [7, 2]]), 24),
        (shape("x", "point", [[3, 3]]), 5),
        (shape("x", "mask", [[1, 1], [2, 3]], mask=png(np.array([[1, 0], [1, 1], [1, 1]], bool))), 5),
    ],
)
def test_every_kind_of_labelme_shape_is_drawn(tmp_path: Path, drawn: dict[str, Any], pixels: int) -> None:
    labelme(tmp_path, [drawn])
    labels = labels_of(LabelMeReader(line_width=3, point_size=1), tmp_path)[0]
    assert np.count_nonzero(labels) == pixels and labels.max() == 1


def test_labelme_shapes_cover_each_other_in_order_and_some_are_ignored(tmp_path: Path) -> None:
    box = [[1.0, 1.0], [4.0, 4.0]]
    labelme(tmp_path, [shape("x", "rectangle", box), shape("__ignore__", "rectangle", [[1, 1], [1, 1]])])
    reader = LabelMeReader()
    classes = reader.classes(tmp_path)
    assert classes is not None and classes.names == ("background", "x")
    labels = labels_of(reader, tmp_path)[0]
    assert labels[1, 1] == IGNORE and labels[2, 2] == 1
    text(tmp_path / "labels.txt", "__ignore__\n_background_\ny\nx\n")
    assert labels_of(reader, tmp_path)[0][2, 2] == 2


def test_labelme_images_are_found_by_path_by_name_or_in_the_file(tmp_path: Path) -> None:
    path = labelme(tmp_path, [shape("x", "rectangle", [[1, 1], [2, 2]])], imagePath="..\\lost\\z.jpg")
    (item,) = LabelMeReader().items(tmp_path)
    assert item.image == tmp_path / "a.png" and not item.embedded
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.json: the image of imagePath"):
        LabelMeReader().items(tmp_path)
    grey = np.full((4, 5), 77, np.uint8)
    path.write_text(path.read_text().replace('"imageData": null', f'"imageData": "{png(grey)}"'))
    (item,) = LabelMeReader().items(tmp_path)
    assert item.embedded
    assert (LabelMeReader().read_image(item) == 77).all()
    assert labels_of(LabelMeReader(), tmp_path)[0].shape == (4, 5)


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (shape("x", "polygon", [[1, 1], [2, 2]]), "polygon 'x': points: expected at least 3, found 2"),
        (shape("x", "star", [[1, 1]]), "shape_type 'star' is not known"),
        (shape("x", "point", [[1, float("nan")]]), "points: expected pairs of numbers"),
        (shape("x", "mask", [[1, 1], [2, 2]]), "mask: expected a PNG in base64"),
        ({"points": []}, "expected a shape with label and points"),
    ],
)
def test_a_labelme_shape_that_is_none_is_named_by_number(tmp_path: Path, drawn: dict[str, Any], words: str) -> None:
    labelme(tmp_path, [shape("x", "point", [[1, 1]]), drawn])
    with pytest.raises(DataError, match=rf"a\.json, shapes\[1\]: .*{words}"):
        LabelMeReader().items(tmp_path)


def test_a_labelme_mask_of_another_size_than_its_box_is_refused(tmp_path: Path) -> None:
    labelme(tmp_path, [shape("x", "mask", [[1, 1], [5, 5]], mask=png(np.ones((2, 2), bool)))])
    with pytest.raises(DataError, match=r"shapes\[0\]: mask is \(2, 2\), but its points .* span \(5, 5\)"):
        labels_of(LabelMeReader(), tmp_path)


# VOC, Cityscapes, class masks, SegNet's lists


def test_voc_lists_give_the_splits_and_the_border_is_ignored(tmp_path: Path) -> None:
    home = tmp_path / "VOCdevkit" / "VOC2012"
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[0], values[1] = 255, 20
    for key in "abc":
        picture(home / "JPEGImages" / f"{key}.jpg")
        picture(home / "SegmentationClass" / f"{key}.png", values)
    picture(home / "JPEGImages" / "unlabelled.jpg")
    for name, keys in (("train", "a\n"), ("val", "b\n"), ("trainval", "a\nb\n")):
        text(home / "ImageSets" / "Segmentation" / f"{name}.txt", keys)
    reader = VocReader()
    assert "JPEGImages/ and SegmentationClass/" in (reader.recognises(tmp_path) or "")
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [("a", "train"), ("b", "val")]
    classes = reader.classes(tmp_path)
    assert classes is not None and (len(classes), classes.names[20]) == (21, "tvmonitor")
    labels = labels_of(reader, tmp_path)[0]
    assert [labels[row, 0] for row in range(3)] == [IGNORE, 20, 0]
    picture(home / "JPEGImages" / "a b.jpg")
    picture(home / "SegmentationClass" / "a b.png", values)
    text(home / "ImageSets" / "Segmentation" / "train.txt", "a 1\n\na b\n")
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [
        *(("a", "train"), ("a b", "train")),
        ("b", "val"),
    ]
    text(home / "ImageSets" / "Segmentation" / "train.txt", "a\nunlabelled\ngone\n")
    with pytest.raises(DataError) as caught:
        reader.items(tmp_path)
    assert len(caught.value.problems) == 3 and "unlabelled is not in SegmentationClass/" in str(caught.value)


def test_voc_classes_may_come_with_the_source(tmp_path: Path) -> None:
    picture(tmp_path / "JPEGImages" / "a.jpg")
    picture(tmp_path / "SegmentationClassPNG" / "a.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    text(tmp_path / "class_names.txt", "_background_\ncar\n")
    assert VocReader().classes(tmp_path).names == ("_background_", "car")  # type: ignore[union-attr]
    text(
        tmp_path / "labelmap.txt",
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:64,0,0::\nignored:9,9,9::\n",
    )
    classes = VocReader().classes(tmp_path)
    assert classes is not None and classes.ignored_colours == ((9, 9, 9),)
    assert [(c.name, c.colour) for c in classes.classes] == [("background", (0, 0, 0)), ("cat", (64, 0, 0))]
    text(tmp_path / "labelmap.txt", "cat\n")
    with pytest.raises(DataError, match=r"labelmap\.txt is no label map"):
        VocReader().classes(tmp_path)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("labelIds", np.array([[7, 33, 0, 29]], np.uint8), [[0, 18, IGNORE, IGNORE]]),
        ("labelTrainIds", np.array([[0, 18, 255, 1]], np.uint8), [[0, 18, IGNORE, 1]]),
        ("instanceIds", np.array([[7, 33012, 0, 26000]], np.uint16), [[0, 18, IGNORE, 13]]),
    ],
)
def test_cityscapes_ids_become_the_nineteen_classes(
    tmp_path: Path, kind: str, values: np.ndarray, expected: list[list[int]]
) -> None:
    picture(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_000001_000019_leftImg8bit.png")
    picture(tmp_path / "gtFine" / "val" / "ulm" / f"ulm_000001_000019_gtFine_{kind}.png", values)
    picture(tmp_path / "gtFine" / "val" / "ulm" / "ulm_000001_000019_gtFine_color.png")
    reader = CityscapesReader()
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [("ulm_000001_000019", "val")]
    assert labels_of(reader, tmp_path)[0].tolist() == expected
    picture(tmp_path / "leftImg8bit" / "val" / "ulm" / "ulm_000002_000019_leftImg8bit.png")
    with pytest.raises(DataError, match=r"image without mask: .*ulm_000002_000019"):
        reader.items(tmp_path)


def test_class_folders_become_classes_and_overlaps_follow_the_rule(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "masks" / "organ" / "a.png", HALF * 255)
    picture(
        tmp_path / "masks" / "tumour" / "a.png", (PIXEL | HALF * 0 + (np.arange(WIDTH) == 7)).astype(np.uint8) * 255
    )
    reader = ClassMaskReader()
    assert "organ, tumour" in (reader.recognises(tmp_path) or "")
    labels = labels_of(reader, tmp_path)[0]
    assert [labels[0, 0], labels[0, 5], labels[0, 7], labels[2, 2]] == [0, 1, 2, 2]
    assert labels_of(ClassMaskReader(overlap="first"), tmp_path)[0][0, 7] == 1
    picture(tmp_path / "images" / "b.png")
    picture(tmp_path / "masks" / "organ" / "b.png", HALF[:3])
    with pytest.raises(DataError, match=r"image without mask: .*b\.png has none in masks/tumour/"):
        reader.items(tmp_path)
    picture(tmp_path / "masks" / "tumour" / "b.png", HALF[:3])
    with pytest.raises(DataError, match=r"masks.organ.b\.png: it is 8 x 3, but the image is 8 x 6"):
        labels_of(reader, tmp_path)


def test_a_single_numbered_class_folder_is_foreground_in_every_split(tmp_path: Path) -> None:
    for split, key in (("train", "a"), ("val", "b")):
        picture(tmp_path / split / "images" / f"{key}.png")
        picture(tmp_path / split / "masks" / "0" / f"{key}.png", HALF)
    reader = ClassMaskReader()
    assert reader.classes(tmp_path).names == ("background", "foreground")  # type: ignore[union-attr]
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [("a", "train"), ("b", "val")]
    np.testing.assert_array_equal(labels_of(reader, tmp_path)[0], HALF)


def test_lists_of_splits_with_foreign_paths_are_read_from_their_folder(tmp_path: Path) -> None:
    for split, key in (("train", "a"), ("val", "b"), ("val", "unlisted")):
        picture(tmp_path / "CamVid" / split / f"{key}.png")
        picture(tmp_path / "CamVid" / f"{split}annot" / f"{key}.png", HALF)
    text(tmp_path / "CamVid" / "train.txt", "/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png\n")
    text(tmp_path / "CamVid" / "val.txt", "/SegNet/CamVid/val/b.png /SegNet/CamVid/valannot/b.png\n")
    text(tmp_path / "classes.txt", "Sky\nBuilding\n")
    reader = FileListReader()
    assert [(item.key, item.split) for item in reader.items(tmp_path)] == [("a", "train"), ("b", "val")]
    assert reader.classes(tmp_path).names == ("Sky", "Building")  # type: ignore[union-attr]
    claiming = [entry.name for entry in segport_readers() if entry.load()().recognises(tmp_path)]
    assert claiming == ["file-list"]


def test_no_two_readers_claim_one_layout(tmp_path: Path) -> None:
    coco(tmp_path / "coco", [region(1, 3, [SQUARE])])
    for split in ("train", "val"):
        picture(tmp_path / "coco" / "annotations" / f"panoptic_{split}" / "train.png")
    open_images(tmp_path / "open-images", ROWS)
    labelme(tmp_path / "labelme", [shape("x", "point", [[1, 1]])])
    picture(tmp_path / "voc" / "JPEGImages" / "a.jpg")
    picture(tmp_path / "voc" / "SegmentationClass" / "a.png", HALF)
    picture(tmp_path / "cityscapes" / "leftImg8bit" / "val" / "u_leftImg8bit.png")
    picture(tmp_path / "cityscapes" / "gtFine" / "val" / "u_gtFine_labelIds.png", HALF)
    for name in ("class-masks/images/a", "class-masks/masks/0/a", "folders/images/a", "folders/masks/a"):
        picture(tmp_path / f"{name}.png", HALF)
    claiming = [entry.name for entry in segport_readers() if entry.load()().recognises(tmp_path / "coco/annotations")]
    assert claiming == ["coco"]
    for entry in segport_readers():
        if (tmp_path / entry.name).exists():
            said = {other.name: other.load()().recognises(tmp_path / entry.name) for other in segport_readers()}
            assert {name for name, why in said.items() if why} == {entry.name}, said


def test_lists_of_colours_are_class_tables() -> None:
    classes = parse_label_colours("64 128 64\tAnimal\n0, 0, 0  Void thing\n")
    assert [(c.name, c.colour, c.values) for c in classes.classes] == [
        ("Animal", (64, 128, 64), (0,)),
        ("Void thing", (0, 0, 0), (1,)),
    ]
    with pytest.raises(DataError, match=r"colours(.|\n)*'Animal': expected r g b name"):
        parse_label_colours("Animal\n1 2 3 cat")
    with pytest.raises(DataError, match=r"colours(.|\n)*not within 0 to 255"):
        parse_label_colours("1 2 300 cat")
    assert parse_class_names("__ignore__\n_background_\ncat\n").names == ("_background_", "cat")


def test_prepare_keeps_an_image_from_within_a_json_file_and_records_the_options(cli, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    for name, level in (("p", 50), ("q", 90), ("r", 130)):
        drawn = [shape("x", "rectangle", [[0, 0], [3, 3]]), shape("y", "rectangle", [[1, 1], [2, 2]])]
        data = png(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
        path = labelme(source, drawn, imagePath="lost.jpg", imageData=data)
        path.rename(source / f"{name}.json")
        (source / "a.png").unlink()
    said = cli("prepare", source, out, "--reader", "labelme:overlap=first", "--json")
    assert said.code == 0, said.err
    assert said.object["reader"] == 'labelme:overlap="first"'
    with Pillow.open(out / "images" / "q.png") as image, Pillow.open(out / "masks" / "q.png") as mask:
        assert (np.asarray(image) == 90).all()
        assert np.unique(np.asarray(mask)).tolist() == [0, 1]
    for options, words in (("overlap=all", "overlap = 'all'"), ("line_width=0", "line_width"), ("lines=3", "lines")):
        cli("prepare", source, tmp_path / "no", "--reader", f"labelme:{options}").failed(2, words)
