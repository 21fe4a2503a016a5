"""From pixels to PNG bytes. Who writes them to disk is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image as Pillow

from ...domain.arrays import Image, Labels


def encode_mask(labels: Labels, palette: Sequence[int]) -> bytes:
    """A palette PNG of (H, W) uint8 labels: the stored values are the labels, the palette only makes them visible.

    Args:
        labels: class indices; IGNORE (255) is stored as it is.
        palette: 768 numbers, red, green and blue of each of the 256 values.
    """
    image = Pillow.fromarray(labels)
    image.putpalette(list(palette))
    return _png(image)


def encode_image(image: Image) -> bytes:
    """A PNG of (H, W, 1) or (H, W, 3) uint8 pixels."""
    return _png(Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image))


def _png(image: Pillow.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
