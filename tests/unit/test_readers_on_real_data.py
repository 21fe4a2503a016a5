"""The readers on the layouts they were written for. Set SEGPORT_TEST_DATA to a folder that holds the data sets."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segport.adapters.data.plugin import segport_readers
from segport.adapters.data.readers.coco import CocoReader
from segport.adapters.data.readers.dsb2018 import ScienceBowlReader
from segport.adapters.data.readers.labelme import LabelMeReader
from segport.adapters.data.readers.openimages import OpenImagesReader
from segport.adapters.data.readers.voc import VocReader
from segport.domain.arrays import IGNORE
from segport.domain.classes import ClassMap
from segport.domain.masks.polygons import fill_all

DATA = Path(os.environ.get("SEGPORT_TEST_DATA", "unset"))
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.is_dir(), reason="SEGPORT_TEST_DATA is not set")]


def stored(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture)


LABELME = "research_only/labelme/examples"
FORMATS = "open/datumaro_formats"
LAYOUTS: list[tuple[str, str, dict[str | None, int], int | None]] = [
    ("dsb2018", "open/dsb2018", {None: 433}, 2),
    ("file-list", "research_only/camvid", {"train": 200, "val": 60, "test": 100}, 12),
    ("file-list", "research_only/camvid/CamVid/train.txt", {"train": 200}, None),
    ("folders", "research_only/camseq01_sss", {"train": 12, "val": 4, "test": 4}, 32),
    ("folders", "research_only/camvid32_fastai", {None: 2}, 32),
    ("folders", "research_only/isbi2012/data/membrane", {"train": 30}, 2),
    ("folders", "open/oxford_pet", {None: 43}, None),
    ("folders", "open/quintal_256", {None: 32}, 11),
    ("folders", "open/robosat/fixtures/parking", {None: 4}, 2),
    ("folders", f"{FORMATS}/synthia_dataset/rand_custom_labelmap", {None: 2}, 5),
    ("coco", "open/coco_by", {"train": 23, "val": 24}, 81),
    ("coco", f"{FORMATS}/coco_dataset/coco_stuff", {"train": 1, "val": 1}, 3),
    ("coco", f"{LABELME}/instance_segmentation/data_dataset_coco", {None: 3}, 21),
    ("open-images", "open/coco_openimages_style", {"train": 10, "val": 5}, 40),
    ("voc", "open/coco_voc_style", {"train": 34, "val": 36}, 21),
    ("voc", "research_only/voc_real", {"train": 3, "val": 2}, 21),
    ("voc", f"{LABELME}/semantic_segmentation/data_dataset_voc", {None: 3}, 21),
    ("voc", f"{LABELME}/video_annotation/data_dataset_voc", {None: 5}, 3),
    ("cityscapes", f"{FORMATS}/cityscapes_dataset/dataset", {"train": 1, "val": 1, "test": 2}, 19),
    ("labelme", "research_only/whales_labelme", {None: 12}, 2),
    ("labelme", f"{LABELME}/primitives", {None: 1}, 8),
    ("labelme", f"{LABELME}/tutorial", {None: 1}, 5),
    ("labelme", f"{LABELME}/instance_segmentation/data_annotated", {None: 3}, 7),
    ("labelme", f"{LABELME}/bbox_detection/data_annotated", {None: 3}, 4),
]
READERS = {entry.name: entry.load() for entry in segport_readers()}


@pytest.mark.parametrize(("name", "folder", "splits", "classes"), LAYOUTS)
def test_real_layouts_are_recognised_and_read(
    name: str, folder: str, splits: dict[str | None, int], classes: int | None
) -> None:
    source, reader = DATA / folder, READERS[name]()
    items = reader.items(source)
    found = [item.split for item in items]
    assert {split: found.count(split) for split in set(found)} == splits
    assert len({item.key for item in items}) == len(items)
    implied = reader.classes(source)
    assert (implied and len(implied)) == classes
    table = implied or ClassMap.of([str(n) for n in range(12)])
    seen: set[int] = set()
    for item in items[:: max(1, len(items) // 5)]:
        labels = reader.read_labels(item, table)
        assert labels.shape == reader.read_image(item).shape[:2]
        seen.update(np.unique(labels).tolist())
    assert len(seen) >= 2


def test_no_two_readers_claim_one_folder() -> None:
    """Whatever folder of the data one points at; the folders listed above are claimed by the reader named there."""
    claims = {folder: name for name, folder, _, _ in LAYOUTS}
    claimed = 0
    for source in [*(path for path in sorted(DATA.rglob("*")) if path.is_dir()), *(DATA / folder for folder in claims)]:
        where = source.relative_to(DATA).as_posix()
        if where.startswith("open/dsb2018/stage1_train/"):
            continue  # two thousand folders of one and the same layout
        names = [name for name, reader in READERS.items() if reader().recognises(source)]
        assert len(names) <= 1, where
        assert names == [claims.get(where, *names)] if names or where in claims else True, where
        claimed += len(names)
    assert claimed > len(claims)


def test_a_nuclei_label_is_the_union_of_its_masks() -> None:
    reader = ScienceBowlReader()
    item = max(reader.items(DATA / "open/dsb2018"), key=lambda item: len(item.masks))
    union = np.zeros(reader.read_image(item).shape[:2], bool)
    for path in item.masks:
        union |= stored(path) == 255
    assert np.array_equal(reader.read_labels(item, ClassMap.binary()), union)


def test_every_coco_polygon_is_filled_as_pycocotools_fills_it() -> None:
    from pycocotools import mask as coco

    compared = 0
    for path in (DATA / "open/coco_by/annotations").glob("*.json"):
        data = json.loads(path.read_text())
        sizes = {image["id"]: (image["height"], image["width"]) for image in data["images"]}
        for one in data["annotations"]:
            if isinstance(one["segmentation"], list):
                size = sizes[one["image_id"]]
                with warnings.catch_warnings(action="ignore"):  # pycocotools' own
                    expected = coco.decode(coco.merge(coco.frPyObjects(one["segmentation"], *size)))
                assert np.array_equal(fill_all(one["segmentation"], size), expected), one["id"]
                compared += 1
    assert compared == 556


@pytest.mark.parametrize(
    ("example", "masks", "differing"),
    [
        ("semantic_segmentation", "SegmentationClass", 1),
        ("instance_segmentation", "SegmentationClass", 1),
        ("video_annotation", "SegmentationClassPNG", 0),
    ],
)
def test_labelme_shapes_are_drawn_as_labelme_drew_its_own_examples(example: str, masks: str, differing: int) -> None:
    """One pixel differs: LabelMe's were drawn with a Pillow of 2018."""
    home = DATA / LABELME / example
    classes = VocReader().classes(home / "data_dataset_voc")
    reader = LabelMeReader()
    wrong = 0
    for item in reader.items(home / "data_annotated"):
        expected = stored(home / "data_dataset_voc" / masks / f"{item.key}.png")
        wrong += np.count_nonzero(reader.read_labels(item, classes) != expected)
    assert wrong <= differing


def test_one_source_in_two_layouts_gives_the_same_labels() -> None:
    """The Open Images sample was made of COCO's annotations, which are read here from both."""
    coco, style = CocoReader(), OpenImagesReader()
    classes = style.classes(DATA / "open/coco_openimages_style")
    pairs = {item.image.read_bytes(): item for item in coco.items(DATA / "open/coco_by")}
    compared = 0
    for item in style.items(DATA / "open/coco_openimages_style")[::3]:
        twin = pairs.get(item.image.read_bytes())
        if twin is not None:
            compared += 1
            ours, theirs = style.read_labels(item, classes), coco.read_labels(twin, classes)
            assert np.mean((ours == theirs)[theirs != IGNORE]) > 0.9999, item.key
    assert compared == 5
