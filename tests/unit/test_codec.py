"""The codec behind the port, and when a picture must be written anew."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.codec import PictureCodec
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError
from segport.domain.masks.palette import IGNORE_COLOUR
from segport.domain.ports.images import ImageCodec

CODEC: ImageCodec = PictureCodec()
RNG = np.random.default_rng(1)


def test_labels_come_back_and_can_be_looked_at(tmp_path: Path) -> None:
    labels = RNG.choice(np.array([0, 1, 2, 255], np.uint8), (5, 7))
    classes = ClassMap.of(["a", "b", "c"])
    CODEC.write_labels(tmp_path / "m.png", labels, classes)
    assert np.array_equal(CODEC.read_labels(tmp_path / "m.png"), labels)
    with Pillow.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        shown = np.array(picture.convert("RGB"))
    assert (shown[labels == 1] == classes.colours[1]).all()
    assert (shown[labels == 255] == IGNORE_COLOUR).all()


def test_images_come_back(tmp_path: Path) -> None:
    image = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    CODEC.write_image(tmp_path / "i.png", image)
    assert np.array_equal(CODEC.read_image(tmp_path / "i.png"), image)


def test_a_colour_picture_is_no_stored_mask(tmp_path: Path) -> None:
    CODEC.write_image(tmp_path / "i.png", RNG.integers(0, 256, (5, 7, 3), np.uint8))
    with pytest.raises(DataError, match=r"i\.png is no mask of class indices"):
        CODEC.read_labels(tmp_path / "i.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "a.bmp", "a.tif", "a.gif", "a.webp"])
def test_ordinary_files_stay(tmp_path: Path, name: str) -> None:
    Pillow.fromarray(RNG.integers(0, 256, (5, 7, 3), np.uint8)).save(tmp_path / name)
    assert CODEC.conversion(tmp_path / name) is None


def test_others_are_converted(tmp_path: Path) -> None:
    rgb = Pillow.fromarray(RNG.integers(0, 256, (5, 7, 3), np.uint8))
    exif = Pillow.Exif()
    exif[0x0112] = 6
    rgb.save(tmp_path / "turned.jpg", exif=exif)
    rgb.convert("CMYK").save(tmp_path / "cmyk.jpg")
    Pillow.fromarray(np.full((4, 4), 60000, np.uint16)).save(tmp_path / "deep.png")
    rgb.save(tmp_path / "gif.jpg", format="GIF")
    rgb.save(tmp_path / "nameless", format="PNG")
    reasons = {
        "turned.jpg": "orientation 6", "cmyk.jpg": "CMYK", "deep.png": "I;16",
        "gif.jpg": r"GIF, though named \.jpg", "nameless": "without extension",
    }  # fmt: skip
    for name, reason in reasons.items():
        found = CODEC.conversion(tmp_path / name)
        assert found is not None
        assert re.search(reason, found), found


def test_an_empty_file_is_called_empty_even_as_the_first_ever_opened(tmp_path: Path) -> None:
    (tmp_path / "e.png").write_bytes(b"")
    code = (
        "import sys, pathlib\nfrom segport.adapters.data.codec import PictureCodec\n"
        "try: PictureCodec().read_image(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "e.png")], capture_output=True, text=True, check=True
    )
    assert "it is empty (0 bytes)" in said.stdout
