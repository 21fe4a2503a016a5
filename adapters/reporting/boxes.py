"""Pictures built from boxes: text, tiles, swatches, put in rows and columns on white."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from ...domain.arrays import Image

TILE = 256
GAP = 8
MARGIN = 16
TEXT = 15
INK = (33, 33, 33)
PALE = (105, 105, 105)
WHITE = (255, 255, 255)
HATCH_LIGHT = (222, 222, 222)
_HATCH_DARK = (140, 140, 140)
_LINE = (150, 150, 150)

Entry = tuple[str, tuple[int, int, int] | None]
"""A name in a legend and its colour; None is hatched."""


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib carries: one wide-ranging font on every machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def text_width(string: str, size: int = TEXT, bold: bool = False) -> int:
    """Width in pixels."""
    return int(np.ceil(_font(size, bold).getlength(string)))


def text(
    string: str,
    size: int = TEXT,
    *,
    colour: tuple[int, int, int] = INK,
    bold: bool = False,
    width: int | None = None,
) -> Pillow.Image:
    """One line of text; longer than ``width`` it loses its middle, so that both ends of a file name stay readable."""
    string = shorten(string, width, size, bold) if width else string
    box = Pillow.new("RGB", (max(1, text_width(string, size, bold)), round(size * 1.4)), "white")
    ImageDraw.Draw(box).text((0, round(size * 1.1)), string, fill=colour, font=_font(size, bold), anchor="ls")
    return box


def shorten(string: str, width: int, size: int = TEXT, bold: bool = False) -> str:
    """The string, or its ends around an ellipsis, no wider than ``width`` pixels."""
    keep = len(string)
    short = string
    while keep > 2 and text_width(short, size, bold) > width:
        keep -= 1
        short = f"{string[: (keep + 1) // 2]}…{string[len(string) - keep // 2 :]}"
    return short


def scaled_size(shape: tuple[int, ...], longest: int = TILE) -> tuple[int, int]:
    """(height, width) with the longer side ``longest`` and the same proportions."""
    height, width = shape
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def scale(pixels: Image, size: tuple[int, int], *, smooth: bool) -> Image:
    """Averages areas when reducing; enlarges by cubic (``smooth``) or nearest neighbour."""
    reducing = size[0] < pixels.shape[0]
    how = cv2.INTER_AREA if reducing else cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    scaled = cv2.resize(pixels, (size[1], size[0]), interpolation=how)
    return np.asarray(scaled, np.uint8).reshape(*size, *pixels.shape[2:])


def hatch(pixels: Image, where: NDArray[np.bool_]) -> Image:
    """Light grey with darker diagonal lines ``where`` something does not count."""
    rows, columns = np.indices(where.shape)
    lines = np.less((rows + columns) % 8, 2)
    pattern = np.where(lines[..., None], _HATCH_DARK, HATCH_LIGHT)
    return np.where(where[..., None], pattern, pixels).astype(np.uint8)


def tile(pixels: Image, width: int = TILE, height: int = TILE) -> Pillow.Image:
    """An (H, W, 3) picture in the middle of a white box of a given size."""
    box = Pillow.new("RGB", (width, height), "white")
    picture = Pillow.fromarray(np.ascontiguousarray(pixels))
    box.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return box


def row(boxes: Sequence[Pillow.Image], gap: int = GAP) -> Pillow.Image:
    """Boxes side by side, centred vertically."""
    high = max(box.height for box in boxes)
    line = Pillow.new("RGB", (sum(box.width for box in boxes) + gap * (len(boxes) - 1), high), "white")
    left = 0
    for box in boxes:
        line.paste(box, (left, (high - box.height) // 2))
        left += box.width + gap
    return line


def column(boxes: Sequence[Pillow.Image], gap: int = GAP, margin: int = 0) -> Pillow.Image:
    """Boxes one below another, aligned left, with a margin around."""
    wide = max(box.width for box in boxes) + 2 * margin
    pile = Pillow.new("RGB", (wide, sum(b.height for b in boxes) + gap * (len(boxes) - 1) + 2 * margin), "white")
    top = margin
    for box in boxes:
        pile.paste(box, (margin, top))
        top += box.height + gap
    return pile


def swatch(name: str, colour: tuple[int, int, int] | None, width: int | None = None) -> Pillow.Image:
    """A square of colour (None: hatched) with its name."""
    side = 16
    pixels = np.full((side, side, 3), colour or 255, np.uint8)
    square = Pillow.fromarray(pixels if colour else hatch(pixels, np.ones((side, side), np.bool_)))
    ImageDraw.Draw(square).rectangle((0, 0, side - 1, side - 1), outline=_LINE)
    return row([square, text(name, 13, width=None if width is None else width - side - 6)], 6)


def legend(entries: Sequence[Entry], width: int) -> Pillow.Image:
    """Swatches in as many even columns as ``width`` pixels hold, in reading order."""
    widest = min(max(text_width(name, 13) for name, _ in entries) + 22, width)
    columns = max(1, min(len(entries), (width + 20) // (widest + 20)))
    cells = [_padded(swatch(name, colour, widest), widest) for name, colour in entries]
    return column([row(cells[i : i + columns], 20) for i in range(0, len(cells), columns)], 6)


def _padded(box: Pillow.Image, width: int) -> Pillow.Image:
    wide = Pillow.new("RGB", (width, box.height), "white")
    wide.paste(box, (0, 0))
    return wide


def png(picture: Pillow.Image) -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
