"""Tables and pictures as HTML: text alone, everything escaped, nothing fetched. For report pages and notebooks."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .arrays import IGNORE, AnyArray, Image, Labels
from .masks.palette import default_colours, to_palette
from .masks.planes import Overlap, from_planes

if TYPE_CHECKING:
    from .ports.reporting import Table

LARGEST = 256
"""Pixels of the longer side of a picture in a notebook; of larger ones every n-th row and column is shown."""


def shown(title: str, *parts: str) -> str:
    """A heading with what belongs to it, as a notebook takes it from ``_repr_html_``."""
    return f"<div><strong>{escape(title)}</strong>\n{''.join(parts)}</div>"


def text(sentence: str) -> str:
    """A paragraph; nothing for ""."""
    return f"<p>{escape(sentence)}</p>\n" if sentence else ""


def table(table: Table) -> str:
    """Columns of numbers have the class "number"."""
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = _row("th", table.columns, table.numeric)
    body = "\n".join(_row("td", row, table.numeric) for row in table.rows)
    return f"<table>{caption}\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


def pictures(*images: Image, caption: str = "") -> str:
    """(H, W, 1 or 3) uint8 images of one height beside one another, as one PNG within the text."""
    step = max(1, -(-max(max(image.shape[:2]) for image in images) // LARGEST))
    small = [np.broadcast_to(image, (*image.shape[:2], 3))[::step, ::step] for image in images]
    data = b64encode(png(np.concatenate(small, axis=1))).decode("ascii")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(caption)}">{below}</figure>\n'


def painted(labels: Labels, size: tuple[int, int]) -> Image:
    """Labels in default colours, (H, W, 3): that of a whole image fills ``size``, of planes the smallest is on top."""
    if labels.ndim == 3:
        labels = from_planes(labels == 1, Overlap.SMALLEST, first=1, uncovered=0)
    colours = np.array(to_palette(default_colours(255)), np.uint8).reshape(256, 3)
    return colours[np.broadcast_to(labels, size) if labels.shape == (1, 1) else labels]


def errors(truth: Labels, prediction: Labels, size: tuple[int, int]) -> Image:
    """(H, W, 3), white where a prediction differs from a truth that counts; likewise painted."""
    wrong = (truth != prediction) & (truth != IGNORE)
    pixels = wrong.any(axis=2) if wrong.ndim == 3 else np.broadcast_to(wrong, size)
    return np.repeat(np.where(pixels, np.uint8(255), np.uint8(0))[..., None], 3, axis=2)


def png(pixels: Image) -> bytes:
    """(H, W, 3) uint8 as a PNG file (ISO/IEC 15948): 8 bits a sample, no filter."""
    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", _packed(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _packed(rows: AnyArray) -> bytes:
    return zlib.compress(rows.tobytes())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    kinds = [' class="number"' if number else "" for number in numeric]
    texts = (f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))
    return f"<tr>{''.join(texts)}</tr>"
