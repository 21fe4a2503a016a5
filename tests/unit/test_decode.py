"""Every mode of image on purpose; everything broken refused by name."""

from __future__ import annotations

import re
import struct
import threading
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin, TiffImagePlugin

from segport.adapters.data.decode import decode_image, decode_mask, image_size
from segport.adapters.data.encode import encode_image, encode_mask
from segport.adapters.data.labels import read_labels
from segport.domain.classes import ClassMap, SegmentClass
from segport.domain.errors import DataError, InvalidSpecError

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def saved(folder: Path, image: Pillow.Image, name: str = "a.png", **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


def test_rgb_and_grey_come_as_they_are(tmp_path: Path) -> None:
    assert np.array_equal(decode_image(saved(tmp_path, Pillow.fromarray(RGB))), RGB)
    grey = decode_image(saved(tmp_path, Pillow.fromarray(GREY)))
    assert np.array_equal(grey, np.repeat(GREY[..., None], 3, axis=2))
    assert np.array_equal(decode_image(tmp_path / "a.png", channels=1), GREY[..., None])


def test_colour_becomes_luma_for_one_channel(tmp_path: Path) -> None:
    luma = decode_image(saved(tmp_path, Pillow.fromarray(RGB)), channels=1)
    assert luma.shape == (5, 7, 1)
    assert np.abs(luma[..., 0] - RGB @ np.array([0.299, 0.587, 0.114])).max() <= 1.0


def test_opaque_alpha_is_dropped_and_other_alpha_laid_on_black(tmp_path: Path) -> None:
    alpha = np.full((5, 7, 1), 255, np.uint8)
    path = saved(tmp_path, Pillow.fromarray(np.concatenate([RGB, alpha], axis=2)))
    assert np.array_equal(decode_image(path), RGB)
    alpha[0, 0], alpha[1, 1] = 0, 128
    path = saved(tmp_path, Pillow.fromarray(np.concatenate([RGB, alpha], axis=2)))
    seen = decode_image(path)
    assert seen[0, 0].tolist() == [0, 0, 0]
    assert np.abs(seen[1, 1] - RGB[1, 1] * (128 / 255)).max() <= 1.0
    assert np.array_equal(seen[2:], RGB[2:])


def test_palette_one_bit_and_cmyk_become_rgb(tmp_path: Path) -> None:
    palette = Pillow.fromarray(GREY % 2)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    assert np.array_equal(decode_image(saved(tmp_path, palette))[GREY % 2 == 1][0], [200, 100, 50])
    bits = Pillow.fromarray(GREY > 100)
    assert np.array_equal(decode_image(saved(tmp_path, bits))[..., 1], np.where(GREY > 100, 255, 0))
    cyan = Pillow.new("CMYK", (4, 3), (255, 0, 0, 0))
    assert decode_image(saved(tmp_path, cyan, "a.tif"))[0, 0].tolist() == [0, 255, 255]


def test_sixteen_bits_are_scaled_by_the_full_range(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32896, 65535, 128, 129]], np.uint16)
    path = saved(tmp_path, Pillow.fromarray(deep))
    assert decode_image(path)[0, :, 0].tolist() == [0, 1, 128, 255, 0, 1]
    assert np.array_equal(decode_mask(path), deep)


def test_grey_of_sixteen_bits_with_alpha_is_no_mask(tmp_path: Path) -> None:
    """Pillow reads the upper half of each number: ids up to 255 would all be 0."""
    rows = b"".join(b"\0" + struct.pack(">6H", 1, 65535, 2, 65535, 3, 65535) for _ in range(2))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 3, 2, 16, 4, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(DataError, match=r"a\.png: it is grey of 16 bits with alpha") as caught:
        decode_mask(tmp_path / "a.png")
    assert "without alpha" in caught.value.fix


@pytest.mark.parametrize("form", ["eXIf", "Raw profile type exif", "XML:com.adobe.xmp", "Software"])
def test_the_size_of_a_png_is_told_without_decoding_it(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But where it may say that it is to be turned, for which Pillow decodes it."""
    exif, texts = Pillow.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112] = 6
    if form == "Raw profile type exif":
        raw = exif.tobytes().hex()
        texts.add_text(form, f"\nexif\n{len(raw) // 2:8d}\n{raw}\n", zip=True)
    elif form == "XML:com.adobe.xmp":
        texts.add_itxt(form, '<x:xmpmeta tiff:Orientation="6"/>')
    elif form == "Software":
        texts.add_text(form, "a program that does not turn pictures")
    options = {"exif": exif} if form == "eXIf" else {"pnginfo": texts}
    path = saved(tmp_path, Pillow.fromarray(RGB), **options)
    loaded: list[int] = []
    load = PngImagePlugin.PngImageFile.load
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda image: loaded.append(1) or load(image))
    turned = form != "Software"
    assert image_size(path) == ((7, 5) if turned else (5, 7))
    assert bool(loaded) is turned
    assert np.array_equal(decode_image(path), np.rot90(RGB, -1) if turned else RGB)


def test_sixteen_bits_of_which_nothing_would_be_left_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, Pillow.fromarray(np.full((3, 3), 900, np.uint16)))
    with pytest.raises(DataError, match=r"a\.png.*16 bits.*900 of 65535") as caught:
        decode_image(path)
    assert "8 bits" in caught.value.fix
    assert decode_image(saved(tmp_path, Pillow.fromarray(np.zeros((3, 3), np.uint16)))).max() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_floating_point_and_wide_integers_are_refused(tmp_path: Path, dtype: type) -> None:
    path = saved(tmp_path, Pillow.fromarray(np.full((3, 3), 70000, dtype)), "a.tif")
    with pytest.raises(DataError, match=r"a\.tif.*(floating|32-bit)"):
        decode_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_pillow_would(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Pillow.fromarray(RGB), exif=exif)
    with Pillow.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image))
    assert np.array_equal(decode_image(path), expected)
    assert image_size(path) == expected.shape[:2]
    assert np.array_equal(decode_mask(path), expected)


def test_masks_keep_what_is_stored(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 2], [255, 7, 0]], np.uint8)
    path = tmp_path / "m.png"
    path.write_bytes(encode_mask(labels, list(range(256)) * 3))
    assert np.array_equal(decode_mask(path), labels)
    with Pillow.open(path) as image:
        assert image.mode == "P"
    bits = saved(tmp_path, Pillow.fromarray(np.array([[True, False]])))
    assert decode_mask(bits).tolist() == [[1, 0]]
    rgba = np.concatenate([RGB, np.zeros((5, 7, 1), np.uint8)], axis=2)
    assert np.array_equal(decode_mask(saved(tmp_path, Pillow.fromarray(rgba))), RGB)
    grey_alpha = np.stack([GREY, 255 - GREY], axis=2)
    assert np.array_equal(decode_mask(saved(tmp_path, Pillow.fromarray(grey_alpha))), GREY)


@pytest.mark.parametrize("channels", [1, 3])
def test_encoded_images_come_back(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_image(RGB[..., :channels]))
    assert np.array_equal(decode_image(path, channels), RGB[..., :channels])


def png() -> bytes:
    buffer = BytesIO()
    Pillow.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty (0 bytes)"),
        (b"just some words", "not an image of a known format (its first bytes are b'just some words')"),
        (b"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"),
        (b"<!DOCTYPE html><html>", "markup"),
        (png()[:2000], "it is broken or cut short"),
        (png()[:20], "it is broken or cut short"),
        (bomb(60_000, 60_000), "60000 x 60000 = 3600000000 pixels, more than the limit of 178956970"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
    ],
)
@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_broken_files_are_refused_by_name(tmp_path: Path, decode, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(reason)) as caught:
        decode(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: there is no such file"):
        decode_image(tmp_path / "gone.png")
    with pytest.raises(DataError, match="it is a folder"):
        decode_image(tmp_path)


def test_the_limit_is_the_callers_and_pillows_own_stays(tmp_path: Path) -> None:
    before = Pillow.MAX_IMAGE_PIXELS
    path = saved(tmp_path, Pillow.fromarray(RGB))
    assert decode_image(path, max_pixels=35).shape == (5, 7, 3)
    with pytest.raises(DataError, match="limit of 34"):
        decode_image(path, max_pixels=34)
    assert before == Pillow.MAX_IMAGE_PIXELS


def test_a_person_may_mean_larger_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, Pillow.fromarray(RGB))
    with pytest.raises(DataError, match="limit of 34") as refused:
        decode_image(path, max_pixels=34)
    assert "SEGPORT_MAX_PIXELS=35 in the environment" in refused.value.fix
    monkeypatch.setenv("SEGPORT_MAX_PIXELS", "35")
    assert decode_image(path, max_pixels=34).shape == (5, 7, 3)
    monkeypatch.setenv("SEGPORT_MAX_PIXELS", "4e8")
    with pytest.raises(InvalidSpecError, match="'4e8'"):
        decode_image(path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16", "CMYK"])
def test_strips_of_rows_are_decoded_as_the_whole_is(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (23, 9, 3), np.uint8)
    picture = Pillow.fromarray(noise).convert("L").convert("I").point(lambda v: v * 257) if mode == "I;16" else None
    path = saved(tmp_path, picture or Pillow.fromarray(noise).convert(mode), "a.tif")
    whole = decode_image(path), decode_image(path, channels=1), decode_mask(path), decode_mask(path, colours=True)
    monkeypatch.setattr("segport.adapters.data.decode._AT_ONCE", 4 * 9)
    strips = decode_image(path), decode_image(path, channels=1), decode_mask(path), decode_mask(path, colours=True)
    for one, other in zip(whole, strips, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def pages(folder: Path, name: str, *sizes: tuple[int, int], **options: object) -> Path:
    """A file of several pages, the first of 9s."""
    first, *rest = (Pillow.new("RGB", size, (9 + 50 * number,) * 3) for number, size in enumerate(sizes))
    return saved(folder, first, name, save_all=True, append_images=rest, **options)


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.webp"])
@pytest.mark.parametrize("read", [decode_image, decode_mask, image_size])
def test_a_stack_is_refused(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    """Of three pages, of which any may be the one that is meant."""
    path = pages(tmp_path, name, *[(7, 5)] * 3)
    with pytest.raises(DataError, match=rf"{name}: it holds several pages of one size") as caught:
        read(path)
    assert caught.value.fix == "Save the page that is meant as an image of its own."


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("sizes", [[(8, 6), (4, 3), (2, 2)], [(8, 6), (16, 12)], [(8, 6)]])
def test_of_a_pyramid_the_first_page_is_read(tmp_path: Path, compression: str, sizes: list[tuple[int, int]]) -> None:
    path = pages(tmp_path, "a.tif", *sizes, compression=compression)
    assert image_size(path) == (6, 8)
    assert decode_image(path).tolist() == [[[9] * 3] * 8] * 6


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_a_single_frame_is_no_animation(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    path = saved(tmp_path, Pillow.fromarray(GREY), name, **options)
    assert np.array_equal(decode_image(path, channels=1)[..., 0], GREY)


def test_the_transparency_of_a_tiff_is_no_page(tmp_path: Path) -> None:
    """As GDAL stores it: a second page of the same size."""
    path = pages(tmp_path, "a.tif", (7, 5), (7, 5))
    kind = TiffImagePlugin.ImageFileDirectory_v2()
    kind[254] = 4
    inside = Pillow.new("1", (7, 5), 1)
    inside.encoderinfo = {"tiffinfo": kind}
    Pillow.new("RGB", (7, 5), (9,) * 3).save(path, save_all=True, append_images=[inside])
    assert decode_image(path).tolist() == [[[9] * 3] * 7] * 5


def test_the_further_pictures_in_a_jpeg_are_no_pages(tmp_path: Path) -> None:
    views = [Pillow.new("RGB", (16, 8), (value,) * 3) for value in (9, 200)]
    views[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=views[1:])
    assert decode_image(tmp_path / "a.jpg").tolist() == [[[9] * 3] * 16] * 8


def test_a_stack_that_claims_too_many_pixels_is_refused_for_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="limit of 34"):
        decode_image(pages(tmp_path, "a.tif", (7, 5), (7, 5)), max_pixels=34)


def test_the_first_bytes_decide_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_image(RGB))
    assert np.array_equal(decode_image(path), RGB)


def test_broken_metadata_is_no_reason_to_refuse(tmp_path: Path) -> None:
    path = saved(tmp_path, Pillow.fromarray(RGB), "a.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")
    assert decode_image(path).shape == (5, 7, 3)


def test_threads_may_decode_at_once(tmp_path: Path) -> None:
    path = saved(tmp_path, Pillow.fromarray(RGB))
    wrong: list[object] = []

    def work() -> None:
        try:
            assert all(np.array_equal(decode_image(path), RGB) for _ in range(30))
        except BaseException as error:  # noqa: BLE001 - reported below
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


ROADS = ClassMap((SegmentClass("ground", (0, 0, 0), (0,)), SegmentClass("road", (255, 255, 255), (1,))))


def test_masks_are_read_by_value_then_by_the_colour_they_show(tmp_path: Path) -> None:
    truth = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    by_value = saved(tmp_path, Pillow.fromarray(truth), "v.png")
    by_grey = saved(tmp_path, Pillow.fromarray(truth * 255), "g.png")
    by_colour = saved(tmp_path, Pillow.fromarray(np.repeat(truth[..., None] * 255, 3, 2)), "c.png")
    grey_values = saved(tmp_path, Pillow.fromarray(np.repeat(truth[..., None], 3, 2)), "cv.png")
    swapped = Pillow.fromarray(5 - truth)
    swapped.putpalette([9, 9, 9] * 4 + [255, 255, 255, 0, 0, 0])
    by_palette = saved(tmp_path, swapped, "p.png")
    for path in (by_value, by_grey, by_colour, grey_values):
        assert np.array_equal(read_labels(path, ROADS), truth)
    assert np.array_equal(read_labels(by_palette, ROADS), truth)


def test_unknown_mask_values_name_file_value_and_pixels(tmp_path: Path) -> None:
    path = saved(tmp_path, Pillow.fromarray(np.array([[0, 7, 7]], np.uint8)), "odd.png")
    with pytest.raises(DataError, match=r"odd\.png(.|\n)*value 7: 2 pixels"):
        read_labels(path, ROADS)
    path = saved(tmp_path, Pillow.fromarray(np.array([[[1, 2, 3], [0, 0, 0]]], np.uint8)), "odd.png")
    with pytest.raises(DataError, match=r"odd\.png(.|\n)*\(1, 2, 3\): 1 pixel"):
        read_labels(path, ROADS)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, Pillow.fromarray(RGB))

    def deny(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(DataError, match=r"a\.png: permission denied"):
        decode_image(path)


def test_a_bomb_is_refused_before_any_of_it_is_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 100)), chunk(b"IEND", b"")
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))

    def decoded(*_: object) -> None:
        raise AssertionError("Pillow was asked to decode it")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PngImagePlugin.PngImageFile, "load", decoded)
        with pytest.raises(DataError, match="60000 x 60000"):
            decode_image(path)
