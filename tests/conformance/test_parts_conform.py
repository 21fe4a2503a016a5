"""Every part that comes with segport against the conformance kit, but for backends, which have a test of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.plugins.conformance import Outcome, checks_of
from segport.plugins.entries import Entry, Kind
from segport.plugins.manager import discover
from segport.plugins.registry import Registry

# One framework is enough here: the losses of all are compared in tests/parity, their exports loaded in tests/e2e.
FRAMEWORKS = {entry.plugin for entry in Registry().offered(Kind.BACKEND.value)} - {"reference", "torch"}
REGISTRY = Registry(lambda: discover(disabled=FRAMEWORKS))
SLOW = "torch-export"
PARTS = [entry for entry in REGISTRY.entries if entry.kind is not Kind.BACKEND and entry.name != SLOW]
TOO_LARGE = "the reference computes it and it sees the image"


def put(root: Path, *names: str, top: int = 2) -> None:
    """Pictures of 8x9 pixels with values below ``top``; photographs in colour where that is 256."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(i).integers(0, top, (8, 9, 3) if top == 256 else (8, 9)).astype(np.uint8)
        Pillow.fromarray(values).save(root / name)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def folders(root: Path) -> None:
    put(root, "images/a.png", "images/b.png", top=256)
    put(root, "masks/a.png", "masks/b.png")


def class_masks(root: Path) -> None:
    put(root, "images/a.png", "images/b.png", top=256)
    put(root, *(f"masks/{name}/{key}.png" for name in ("car", "tree") for key in "ab"))


def dsb2018(root: Path) -> None:
    put(root, "a/images/a.png", "b/images/b.png", top=256)
    put(root, "a/masks/1.png", "a/masks/2.png", "b/masks/1.png")


def file_list(root: Path) -> None:
    put(root, "photos/a.png", "photos/b.png", top=256)
    put(root, "truth/a.png", "truth/b.png")
    write(root / "train.txt", "photos/a.png,truth/a.png\n")
    write(root / "val.txt", "photos/b.png,truth/b.png\n")


def voc(root: Path) -> None:
    put(root, "JPEGImages/a.jpg", "JPEGImages/b.jpg", top=256)
    put(root, "SegmentationClass/a.png", "SegmentationClass/b.png", top=20)
    write(root / "ImageSets/Segmentation/train.txt", "a\n")
    write(root / "ImageSets/Segmentation/val.txt", "b\n")


def cityscapes(root: Path) -> None:
    put(root, "leftImg8bit/train/ulm/ulm_0_leftImg8bit.png", "leftImg8bit/val/bonn/bonn_0_leftImg8bit.png", top=256)
    put(root, "gtFine/train/ulm/ulm_0_gtFine_labelIds.png", "gtFine/val/bonn/bonn_0_gtFine_labelIds.png", top=34)


def coco(root: Path) -> None:
    put(root, "images/a.png", "images/b.png", top=256)
    images = [{"id": i, "file_name": f"{name}.png", "width": 9, "height": 8} for i, name in enumerate("ab")]
    square = {"segmentation": [[1, 1, 6, 1, 6, 5, 1, 5]], "category_id": 3, "iscrowd": 0, "area": 20}
    regions = [{"id": i, "image_id": i, **square} for i in range(2)]
    categories = [{"id": 3, "name": "car"}]
    write(
        root / "annotations/instances.json",
        json.dumps({"images": images, "annotations": regions, "categories": categories}),
    )


def open_images(root: Path) -> None:
    put(root, "images/a.jpg", "images/b.jpg", top=256)
    put(root, "masks/a_1.png", "masks/b_1.png")
    rows = ["MaskPath,ImageID,LabelName", "a_1.png,a,/m/cat", "b_1.png,b,/m/cat"]
    write(root / "train-annotations-object-segmentation.csv", "\n".join(rows) + "\n")
    write(root / "class-descriptions.csv", "/m/cat,Cat\n")


def labelme(root: Path) -> None:
    put(root, "a.png", "b.png", top=256)
    for key in "ab":
        shape = {"label": "car", "shape_type": "rectangle", "points": [[1, 1], [5, 4]]}
        values = {"shapes": [shape], "imagePath": f"{key}.png", "imageHeight": 8, "imageWidth": 9, "imageData": None}
        write(root / f"{key}.json", json.dumps(values))


def image_folder(root: Path) -> None:
    put(root, "ants/a.png", "ants/b.png", "bees/c.png", top=256)


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "folders": folders,
    "class-masks": class_masks,
    "dsb2018": dsb2018,
    "file-list": file_list,
    "voc": voc,
    "cityscapes": cityscapes,
    "coco": coco,
    "open-images": open_images,
    "labelme": labelme,
    "image-folder": image_folder,
}


def outcomes(entry: Entry) -> list[Outcome]:
    name = f"{entry.kind.value}:{entry.name}"
    return [check.outcome() for check in checks_of(name, EXAMPLES.get(entry.name), REGISTRY)]


def test_every_reader_has_an_example() -> None:
    assert sorted(EXAMPLES) == REGISTRY.names(Kind.READER.value)


@pytest.mark.parametrize("entry", PARTS, ids=lambda e: f"{e.kind}-{e.name}")
def test_it_conforms(entry: Entry) -> None:
    found = outcomes(entry)
    assert [str(outcome) for outcome in found if outcome.problem] == []
    skipped = {outcome.sentence for outcome in found if outcome.skipped}
    assert skipped <= ({TOO_LARGE} if entry.kind is Kind.ENCODER else set())


def test_some_encoders_are_computed() -> None:
    small = [
        entry for entry in PARTS if entry.kind is Kind.ENCODER and entry.name in ("plain", "mit-b0", "mobilenet-v2")
    ]
    assert len(small) == 3
    assert not any(outcome.skipped for entry in small for outcome in outcomes(entry))
