"""Whatever bytes a file holds, decoding gives an image or a DataError that names the file."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from segport.adapters.data.decode import decode_image, decode_mask, image_size
from segport.domain.errors import DataError


def encoded(kind: str, mode: str) -> bytes:
    buffer = BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(pixels).convert(mode).save(buffer, kind, exif=exif)
    return buffer.getvalue()


FILES = [
    encoded(kind, mode)
    for kind, mode in (
        *(("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1"), ("JPEG", "L"), ("JPEG", "CMYK")),
        *(("TIFF", "RGB"), ("BMP", "RGB"), ("GIF", "P"), ("PPM", "RGB"), ("WEBP", "RGBA")),
    )
]


def attempt(decode: Callable[..., object], path: Path) -> tuple[object, str]:
    try:
        return decode(path, max_pixels=1_000_000), ""
    except DataError as error:
        return None, str(error)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_give_an_image_or_a_named_error(data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path / "damaged.png"
    path.write_bytes(content)
    for decode in (decode_image, decode_mask, image_size):
        result, problem = attempt(decode, path)
        assert str(path) in problem if result is None else np.prod(np.shape(result)) > 0


@pytest.mark.parametrize("content", FILES)
def test_whole_files_are_decoded_upright(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "whole"
    path.write_bytes(content)
    turned = Pillow.open(BytesIO(content)).getexif().get(0x0112) == 6
    assert decode_image(path).shape == ((11, 9, 3) if turned else (9, 11, 3))
    assert decode_mask(path).shape[:2] == image_size(path) == decode_image(path).shape[:2]
