"""Single pictures for whoever keeps them. Implements the port ``ImageCodec``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from ...domain.arrays import Image, Labels, Planes
from ...domain.classes import ClassMap
from ...domain.errors import DataError
from ...domain.masks.planes import to_picture
from .. import files
from .decode import conversion_reason, decode_image, decode_mask, image_size
from .encode import encode_image, encode_mask
from .labels import read_plane


@frozen
class PictureCodec:
    """Pillow behind a port."""

    def read_image(self, path: Path, channels: int = 3) -> Image:
        """(H, W, C) uint8, upright: RGB, or luma for 1 channel. Raises DataError naming the file."""
        return decode_image(path, channels)

    def size(self, path: Path) -> tuple[int, int]:
        """(height, width), upright, from the file's header alone. Raises DataError naming the file."""
        return image_size(path)

    def read_labels(self, path: Path) -> Labels:
        """(H, W) uint8 stored values. Raises DataError naming the file, also when it is no 8-bit grey or palette."""
        values = decode_mask(path)
        if values.ndim != 2 or values.dtype != np.uint8:
            raise DataError(f"{path} is no mask of class indices: it holds {values.dtype} of shape {values.shape}.")
        return values

    def read_planes(self, paths: Sequence[Path]) -> Planes:
        """(H, W, K) uint8 of 0, 1 and IGNORE. Raises DataError naming the file, also when one differs in size."""
        planes = [read_plane(path) for path in paths]
        for path, plane in zip(paths, planes, strict=True):
            if plane.shape != planes[0].shape:
                sizes = f"{plane.shape}, and {paths[0]} {planes[0].shape} (height, width)"
                raise DataError(f"The masks of one image differ in size: {path} is {sizes}.")
        return np.stack(planes, axis=-1)

    def write_image(self, path: Path, image: Image) -> None:
        """A PNG, written atomically."""
        files.write_bytes(path, encode_image(image), durable=False)

    def write_labels(self, path: Path, labels: Labels, classes: ClassMap) -> None:
        """A palette PNG of class indices, written atomically."""
        files.write_bytes(path, encode_mask(labels, classes.palette()), durable=False)

    def write_planes(self, paths: Sequence[Path], planes: Planes) -> None:
        """Grey PNGs, each written atomically."""
        for k, path in enumerate(paths):
            files.write_bytes(path, encode_image(to_picture(planes[..., k])[..., np.newaxis]), durable=False)

    def conversion(self, path: Path) -> str | None:
        """Why others would see the file differently than ``read_image`` does, or None. Raises DataError."""
        return conversion_reason(path)
