"""From files to pixels, with Pillow: every mode of image is handled on purpose, everything else refused by name.

What a file is, its first bytes decide; its name does not. Of files with several frames (GIF, TIFF) the first is read.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from attrs import field, frozen
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from ...domain.arrays import AnyArray, Image
from ...domain.errors import DataError, InvalidSpecError

MAX_PIXELS = 178_956_970
"""Larger images are refused before they are decoded: a small file can claim to be enormous (decompression bomb).

The number at which Pillow itself gives up: half a gigabyte of RGB.
"""
MEANT = "SEGPORT_MAX_PIXELS"
"""The environment variable by which a person says that larger ones are meant, in every command."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000")
"""None of these runs other programs, as the reader of EPS does."""
_TOO_MUCH = "what it claims to hold is more than there is memory for"
_ORIENTATION = 0x0112
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_INDEX_MODES = ("1", "L", "P", "LA", "La", "PA")
_LEAST_16_BIT_PEAK = 4096
_AT_ONCE = 1 << 22  # pixels that are taken over from Pillow together
_PRINT_MODES = ("CMYK", "YCbCr", "LAB", "HSV")
_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the file itself; run `git lfs pull`",
    b"<": "markup such as HTML or SVG: perhaps a download that failed",
}
_opening = threading.Lock()


@frozen
class PictureWithin:
    """A picture that is part of another file: opened as a path is, and called ``where`` in messages."""

    where: str
    data: bytes = field(repr=False)
    suffix: str = ""

    def __str__(self) -> str:
        return self.where

    def open(self, mode: Literal["rb"]) -> BytesIO:
        """The bytes, to be read."""
        return BytesIO(self.data)


Source = Path | PictureWithin


def decode_image(path: Source, channels: int = 3, max_pixels: int = MAX_PIXELS) -> Image:
    """Decodes an image as (H, W, channels) uint8, upright.

    - Orientation in EXIF is applied.
    - Grey (1, 8 bits) is repeated over three channels; with ``channels=1`` colours become luma (ITU-R BT.601).
    - Grey of 16 bits is divided by 257, so that 65535 becomes 255. An image that would keep fewer than 16 grey levels
      that way (12-bit camera data and the like) is refused. Pillow itself reads colour of 16 bits as 8 bits.
    - An alpha channel or transparent colour that is opaque everywhere is dropped; otherwise the image is laid on black.
    - Palettes are resolved; CMYK, YCbCr, Lab and HSV become RGB by Pillow's plain conversion, without colour profiles.

    Raises:
        DataError: naming the file: missing, empty, no image, broken, too large, or of floating-point or 32-bit pixels.
    """
    with _opened(path, max_pixels) as (image, orientation):
        upright = _opaque(_eight_bits(path, _upright(image, orientation)))
        pixels = _pixels(_in_mode(upright, "L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def decode_mask(path: Source, max_pixels: int = MAX_PIXELS, colours: bool = False) -> AnyArray:
    """Decodes a mask as it was stored: (H, W) integers or (H, W, 3) uint8 colours, upright, never resampled.

    Palette images give their indices, 1-bit images 0 and 1, images of 16 and 32 bits their whole numbers. Alpha is
    dropped. Of the other modes (CMYK, YCbCr ...) the RGB colours are given; with ``colours`` of all but 16 and 32 bits.

    Raises:
        DataError: as ``decode_image``.
    """
    with _opened(path, max_pixels) as (image, orientation):
        upright = _upright(image, orientation)
        if upright.mode == "F":
            raise _refusal(path, "its pixels are floating-point numbers", "Save masks with whole numbers.")
        if upright.mode.startswith("I"):
            return np.array(upright)
        if colours or upright.mode not in _INDEX_MODES:
            return _pixels(_in_mode(upright, "RGB"))
        stored = _pixels(upright)
        return stored[..., 0] if stored.ndim == 3 else stored


def image_size(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(height, width) of the upright image, from the file's header alone. Raises DataError as ``decode_image``."""
    with _opened(path, max_pixels) as (image, orientation):
        return (image.width, image.height) if orientation >= 5 else (image.height, image.width)


def conversion_reason(path: Path, max_pixels: int = MAX_PIXELS) -> str | None:
    """Why other programs may see other pixels than ``decode_image``, or None. Raises DataError as ``decode_image``."""
    with _opened(path, max_pixels) as (image, orientation):
        if orientation in _TURNS:
            return f"its EXIF data says to turn it (orientation {orientation})"
        if image.mode.startswith("I") or image.mode in _PRINT_MODES:
            return f"its pixels are {image.mode}, not 8-bit grey or RGB"
        format_by_name = Pillow.registered_extensions().get(path.suffix.lower())
        if image.format != format_by_name and (image.format, format_by_name) != ("MPO", "JPEG"):
            return f"it is {image.format}, though named {path.suffix or 'without extension'}"
    return None


@contextmanager
def _opened(path: Source, max_pixels: int) -> Iterator[tuple[Pillow.Image, int]]:
    """The image, not yet decoded, and its EXIF orientation. Whatever goes wrong meanwhile becomes a DataError."""
    max_pixels = max(max_pixels, _meant())
    try:
        with path.open("rb") as file:
            with _opening, warnings.catch_warnings():
                # Pillow warns of harmless oddities in metadata, and has its size limit in a global.
                warnings.filterwarnings("ignore", module=r"PIL\.")
                limit, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
                try:
                    Pillow.init()  # else Pillow stumbles over named formats it has not loaded yet
                    image = Pillow.open(file, formats=_FORMATS)
                except MemoryError:
                    raise _refusal(path, _TOO_MUCH) from None
                finally:
                    Pillow.MAX_IMAGE_PIXELS = limit
                # Before anything else: asking a PNG for its EXIF data makes Pillow decode it whole.
                _check_size(path, image, max_pixels)
                orientation = _orientation(path, image)
            with image:
                yield image, orientation
    except DataError:
        raise
    except UnidentifiedImageError:
        raise _refusal(path, _what_it_is(path)) from None
    except FileNotFoundError:
        raise _refusal(path, "there is no such file") from None
    except PermissionError:
        raise _refusal(path, "permission denied") from None
    except IsADirectoryError:
        raise _refusal(path, "it is a folder") from None
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything at all on broken bytes
        raise _refusal(path, f"it is broken or cut short ({error})", "Get it again from where it came.") from error


def _refusal(path: Source, reason: str, fix: str = "") -> DataError:
    return DataError(f"Cannot read {path}: {reason}.", fix=fix)


def _what_it_is(path: Source) -> str:
    """What a file is that no decoder knows."""
    with path.open("rb") as file:
        beginning = file.read(32)
    if not beginning:
        return "it is empty (0 bytes)"
    for known, meaning in _BEGINNINGS.items():
        if beginning.startswith(known):
            return f"it is {meaning}"
    return f"it is not an image of a known format (its first bytes are {beginning[:16]!r})"


def _check_size(path: Source, image: Pillow.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise _refusal(
            path,
            f"it claims {image.width} x {image.height} = {pixels} pixels, more than the limit of {max_pixels}",
            f"If it is meant to be that large, say so: {MEANT}={pixels} in the environment; or cut it into tiles.",
        )


def _meant() -> int:
    """Pixels that the environment allows; 0 where it says nothing."""
    text = os.environ.get(MEANT, "0")
    if not text.isdecimal():
        raise InvalidSpecError(f"{MEANT} is {text!r}.", fix=f"It is a number of pixels, as {MEANT}=400000000.")
    return int(text)


def _in_mode(image: Pillow.Image, mode: str) -> Pillow.Image:
    return image if image.mode == mode else image.convert(mode)


def _pixels(image: Pillow.Image) -> Image:
    """As ``np.array(image, np.uint8)``, but a few rows at a time: that one holds all pixels three times over."""
    rows = max(1, _AT_ONCE // image.width)
    if image.height <= rows:
        return np.array(image, dtype=np.uint8)
    strips = (image.crop((0, top, image.width, min(top + rows, image.height))) for top in range(0, image.height, rows))
    pixels = np.empty((image.height, image.width, *np.asarray(image.crop((0, 0, 1, 1))).shape[2:]), np.uint8)
    for number, strip in enumerate(strips):
        pixels[number * rows : (number + 1) * rows] = strip
    return pixels


def _orientation(path: Source, image: Pillow.Image) -> int:
    """The EXIF orientation still to be applied. Pillow turns TIFF by itself, and already gives the turned size."""
    if image.format == "TIFF":
        return 1
    if image.format == "PNG":
        # Asked for EXIF data, Pillow decodes a PNG; had that failed below, it would then hand out the rest as black.
        try:
            image.load()
        except MemoryError:
            raise _refusal(path, _TOO_MUCH) from None
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken metadata is no reason to refuse good pixels
        return 1
    return value if value in _TURNS else 1


def _upright(image: Pillow.Image, orientation: int) -> Pillow.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _eight_bits(path: Source, image: Pillow.Image) -> Pillow.Image:
    """Grey of 16 bits (which Pillow gives as I;16 or I) as 8 bits; every other mode as it is."""
    if image.mode == "F":
        raise _refusal(path, "its pixels are floating-point numbers", "Convert it to 8 bits a channel.")
    if not image.mode.startswith("I"):
        return image
    values = np.array(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise _refusal(path, f"its pixels are 32-bit numbers from {low} to {high}", "Convert it to 8 bits a channel.")
    if 0 < high < _LEAST_16_BIT_PEAK:
        raise _refusal(
            path,
            f"it has 16 bits a pixel, but its brightest is {high} of 65535: hardly anything would be left at 8 bits",
            "Convert it to 8 bits with the range of brightness you want, the same for all images.",
        )
    return Pillow.fromarray(((values + 128) // 257).astype(np.uint8))


def _opaque(image: Pillow.Image) -> Pillow.Image:
    """Without transparency: dropped where it is none, laid on black otherwise."""
    if not image.has_transparency_data:
        return image
    whole = image.convert("RGBA")
    if whole.getchannel("A").getextrema() == (255, 255):
        return whole.convert("RGB")
    black = Pillow.new("RGBA", whole.size, (0, 0, 0, 255))
    return Pillow.alpha_composite(black, whole).convert("RGB")
