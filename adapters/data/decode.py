"""From pictures to pixels, with Pillow: every mode of image is handled on purpose, everything else refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ...domain.arrays import AnyArray, Image
from .pictures import MAX_PIXELS, Source, opened, refusal

_INDEX_MODES = ("1", "L", "P", "LA", "La", "PA")
_LEAST_16_BIT_PEAK = 4096
_AT_ONCE = 1 << 22  # pixels that are taken over from Pillow together
_PRINT_MODES = ("CMYK", "YCbCr", "LAB", "HSV")


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
    with opened(path, max_pixels) as picture:
        upright = _opaque(_eight_bits(path, picture.upright()))
        pixels = _pixels(_in_mode(upright, "L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def decode_mask(path: Source, max_pixels: int = MAX_PIXELS, colours: bool = False) -> AnyArray:
    """Decodes a mask as it was stored: (H, W) integers or (H, W, 3) uint8 colours, upright, never resampled.

    Palette images give their indices, 1-bit images 0 and 1, grey ones of 16 and 32 bits their whole numbers. Alpha is
    dropped. Of the other modes (CMYK, YCbCr ...) the RGB colours are given; with ``colours`` of all but 16 and 32 bits.

    Raises:
        DataError: as ``decode_image``.
    """
    with opened(path, max_pixels) as picture:
        if picture.stored.startswith("LA;16"):
            raise refusal(path, "it is grey of 16 bits with alpha, of which only 8 are read", "Save it without alpha.")
        upright = picture.upright()
        if upright.mode == "F":
            raise refusal(path, "its pixels are floating-point numbers", "Save masks with whole numbers.")
        if upright.mode.startswith("I"):
            return np.array(upright)
        if colours or upright.mode not in _INDEX_MODES:
            return _pixels(_in_mode(upright, "RGB"))
        stored = _pixels(upright)
        return stored[..., 0] if stored.ndim == 3 else stored


def image_size(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(height, width) of the upright image, from the file's header alone. Raises DataError as ``decode_image``."""
    with opened(path, max_pixels) as picture:
        return picture.size


def conversion_reason(path: Path, max_pixels: int = MAX_PIXELS) -> str | None:
    """Why other programs may see other pixels than ``decode_image``, or None. Raises DataError as ``decode_image``."""
    with opened(path, max_pixels) as picture:
        image = picture.image
        if picture.orientation != 1:
            return f"its EXIF data says to turn it (orientation {picture.orientation})"
        if image.mode.startswith("I") or image.mode in _PRINT_MODES:
            return f"its pixels are {image.mode}, not 8-bit grey or RGB"
        format_by_name = Pillow.registered_extensions().get(path.suffix.lower())
        if image.format != format_by_name and (image.format, format_by_name) != ("MPO", "JPEG"):
            return f"it is {image.format}, though named {path.suffix or 'without extension'}"
    return None


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


def _eight_bits(path: Source, image: Pillow.Image) -> Pillow.Image:
    """Grey of 16 bits (which Pillow gives as I;16 or I) as 8 bits; every other mode as it is."""
    if image.mode == "F":
        raise refusal(path, "its pixels are floating-point numbers", "Convert it to 8 bits a channel.")
    if not image.mode.startswith("I"):
        return image
    values = np.array(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise refusal(path, f"its pixels are 32-bit numbers from {low} to {high}", "Convert it to 8 bits a channel.")
    if 0 < high < _LEAST_16_BIT_PEAK:
        raise refusal(
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
