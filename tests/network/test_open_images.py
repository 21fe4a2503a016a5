"""Open Images: classes, counts and splits; from the indexes to a folder that prepare reads."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import segport
from segport.adapters.network.fetcher import HttpFetcher
from segport.domain.downloads.catalogue import PUBLIC_DATA
from segport.domain.downloads.descriptions import filled
from segport.domain.downloads.selection import choose_images, labels_of, mask_rows
from segport.domain.errors import DataError, DownloadError, UnknownNameError

DATA = PUBLIC_DATA["open-images"]
HEADER = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
NAMES = "/m/01yrx,Cat\n/m/0bt9lr,Dog\n/m/0k4j,Car\n/m/0jbk,Animal\n"
CAT, DOG, CAR = "/m/01yrx", "/m/0bt9lr", "/m/0k4j"
IMAGES = {
    "train": {f"{n:x}{n:015x}": [CAT, DOG] if n % 2 else [CAT, CAR] for n in range(6)},
    "validation": {f"a{n:015x}": [DOG] for n in range(4)},
    "test": {f"f{n:015x}": [CAR] for n in range(2)},
}


def mask_name(image: str, label: str) -> str:
    return f"{image}_{label.replace('/', '')}_00.png"


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def open_images(site):
    """A small Open Images on the site."""
    site.add(DATA.names.url, NAMES.encode())
    site.add(DATA.tables[0].url, b'{"LabelName": "/m/0bl9f", "Subcategory": [{"LabelName": "/m/01yrx"}]}')
    region = np.zeros((24, 32), np.uint8)
    region[4:12] = 255
    for split, images in IMAGES.items():
        rows = [
            f"{mask_name(image, label)},{image},{label},00,0,1,0,1,0.8,0.5 0.5 1;0.1 0.1 0"
            for image, labels in images.items()
            for label in labels
        ]
        site.add(filled(DATA.index, split=split).url, "\n".join([HEADER, *rows, ""]).encode())
        for number, image in enumerate(images):
            pixels = np.random.default_rng(number + len(split)).integers(0, 256, (24, 32, 3), np.uint8)
            site.add(filled(DATA.image, split=split, image=image).url, png(pixels))
        for digit in "0123456789abcdef":
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w") as archive:
                for image, labels in images.items():
                    for label in labels if image[0] == digit else ():
                        archive.writestr(mask_name(image, label), png(region))
            site.add(filled(DATA.masks, split=split, digit=digit).url, stream.getvalue())
    return site


def asked(site, part: str) -> list[str]:
    return sorted(path.rpartition("/")[2] for path, _ in site.asked if part in path)


def index_of(folder: Path, split: str) -> list[dict[str, str]]:
    with (folder / "annotations" / f"{split}-annotations-object-segmentation.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_classes_and_counts_choose_images_and_masks(cli, open_images, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    said = cli("download", "open-images", out, "--mirror", open_images.url, "--classes", "dog,Car", "--count", "2")
    assert said.code == 0, said.err
    chosen = sorted(IMAGES["train"])[:4]
    assert sorted(p.stem for p in (out / "images/train").iterdir()) == chosen
    rows = index_of(out, "train")
    assert {row["ImageID"] for row in rows} == set(chosen)
    assert {row["LabelName"] for row in rows} == {DOG, CAR}
    assert list(rows[0]) == HEADER.split(",")
    for split in IMAGES:
        assert {p.name for p in (out / "masks" / split).iterdir()} == {row["MaskPath"] for row in index_of(out, split)}
    assert asked(open_images, "train-masks") == [f"train-masks-{digit}.zip" for digit in "0123"]
    assert asked(open_images, "validation-masks") == ["validation-masks-a.zip"]
    assert "validation: no masks of Car" in said.out
    assert "test: no masks of Dog" in said.out
    assert (out / "annotations/class-descriptions-boxable.csv").read_text() == NAMES


def test_the_next_command_prepares_it(cli, open_images, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    said = cli("download", "open-images", out, "--mirror", open_images.url, "--classes", "Cat,Dog,Car", "--json")
    assert said.object["then"] == f"segport prepare {out} {out}-prepared --reader open-images"
    assert said.object["checked"] == {"size": said.object["files"]}
    prepared = cli(*said.object["then"].split()[1:], "--json")
    assert prepared.code == 0, prepared.err
    assert prepared.object["split_sizes"] == {"train": 6, "val": 4, "test": 2}
    assert list(prepared.object["pixel_counts"]) == ["background", "Car", "Cat", "Dog"]


def test_a_split_without_the_classes_is_left_out(cli, open_images, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    said = cli("download", "open-images", out, "--mirror", open_images.url, "--classes", "Cat", "--json")
    assert said.object["notes"] == ["validation: no masks of Cat", "test: no masks of Cat"]
    assert {p.name for p in (out / "images").iterdir()} == {p.name for p in (out / "masks").iterdir()} == {"train"}
    assert cli("prepare", out, tmp_path / "data", "--split", "0.5,0.25,0.25").code == 0


def test_splits_are_chosen_and_files_come_side_by_side(cli, open_images, mood, tmp_path: Path) -> None:
    for image in IMAGES["train"]:
        path = f"/{filled(DATA.image, split='train', image=image).url.partition('://')[2]}"
        open_images.moods[path] = [mood(pause=0.1)]
    arguments = ("--classes", "Cat", "--splits", "train", "--connections", "3")
    said = cli("download", "open-images", tmp_path / "raw", "--mirror", open_images.url, *arguments)
    assert said.code == 0, said.err
    assert open_images.most_at_once >= 2
    assert {p.name for p in (tmp_path / "raw/images").iterdir()} == {"train"}


def test_what_is_missing_at_its_source_is_left_out_and_said(cli, open_images, tmp_path: Path) -> None:
    gone, *_, bare = sorted(IMAGES["train"])
    del open_images.files[f"/{filled(DATA.image, split='train', image=gone).url.partition('://')[2]}"]
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("other.png", b"")
    open_images.add(filled(DATA.masks, split="train", digit=bare[0]).url, empty.getvalue())
    out = tmp_path / "raw"
    arguments = ("--classes", "Cat", "--splits", "train")
    said = cli("download", "open-images", out, "--mirror", open_images.url, *arguments)
    assert said.code == 0, said.err
    assert f"1 images are missing at their source: {gone}" in said.out
    assert f"1 masks are missing at their source: {mask_name(bare, CAT)}" in said.out
    there = set(IMAGES["train"]) - {gone, bare}
    assert {p.stem for p in (out / "images/train").iterdir()} == there
    assert {row["ImageID"] for row in index_of(out, "train")} == there


def test_a_server_that_fails_stops_all_and_keeps_what_came(open_images, mood, tmp_path: Path) -> None:
    toolkit = segport.Toolkit(fetcher=HttpFetcher(tries=2, pause=0.0))
    out = tmp_path / "raw"
    asked_for = segport.DownloadSettings(
        "open-images", out, classes=("Cat",), splits=("train",), mirror=open_images.url
    )
    address = filled(DATA.image, split="train", image=sorted(IMAGES["train"])[3]).url.partition("://")[2]
    open_images.moods[f"/{address}"] = [mood(status=503)] * 2
    with pytest.raises(DownloadError, match=rf"{address} cannot be fetched: HTTP 503.*\n.*it continues"):
        toolkit.download(asked_for)
    assert not out.exists()
    first = len(open_images.asked)
    assert toolkit.download(asked_for).files == 15
    assert not [path for path, _ in open_images.asked[first:] if path.endswith((".zip", ".csv"))]


@pytest.mark.parametrize(
    ("classes", "code", "words"),
    [
        ("Catt", 2, ["'Catt'", "'Cat'"]),
        ("zebra", 2, ["'zebra'", "There are 4"]),
        ("Animal", 3, ["No masks of Animal", "--classes"]),
    ],
)
def test_a_class_without_masks_is_answered_with_what_to_do(
    cli, open_images, tmp_path: Path, classes: str, code: int, words: list[str]
) -> None:
    said = cli("download", "open-images", tmp_path / "raw", "--mirror", open_images.url, "--classes", classes)
    said.failed(code, *words)
    assert not asked(open_images, ".jpg")


def test_labels_are_found_by_name_in_any_case_and_by_label() -> None:
    table = [line.split(",") for line in NAMES.splitlines()]
    assert labels_of(["cat", "/m/0k4j"], table) == {CAT: "Cat", CAR: "Car"}
    with pytest.raises(UnknownNameError, match="Did you mean 'Animal'"):
        labels_of(["Animals"], table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column MaskPath, ImageID, LabelName"),
        ("MaskPath,ImageID\na,b", "no column LabelName"),
        ("MaskPath,ImageID,LabelName\na.png,../../evil,/m/01yrx", "row 2, ImageID.*'../../evil'"),
        ("MaskPath,ImageID,LabelName\na.png,00ff,/m/01yrx\nb.png,00", "row 3: expected 3 columns, found 2"),
    ],
)
def test_a_damaged_index_is_named_with_its_row(text: str, words: str) -> None:
    with pytest.raises(DataError, match=f"here.csv.*{words}"):
        list(mask_rows(csv.reader(io.StringIO(text)), "here.csv"))


def test_the_first_images_of_each_label_are_chosen_in_order_of_ids() -> None:
    rows = [f"m,{image},{label}".split(",") for image, label in [("c", CAT), ("a", CAT), ("b", CAT), ("a", DOG)]]
    read = list(mask_rows([["MaskPath", "ImageID", "LabelName"], *rows], "x"))
    assert choose_images(read, [CAT, DOG, CAR], 2) == {CAT: ["a", "b"], DOG: ["a"], CAR: []}
    assert choose_images(read, [CAT], None) == {CAT: ["a", "b", "c"]}
