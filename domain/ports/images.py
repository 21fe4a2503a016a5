"""Pictures on disk, to arrays and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from ..arrays import Image, Labels, Planes
from ..classes import ClassMap
from ..resampling import Frame

PlaceImage: TypeAlias = Callable[[Image, Frame], Image]
"""Puts an image on its frame's canvas, (canvas height, canvas width, C) uint8, padded where it has nothing."""


class ImageCodec(Protocol):
    """Reads and writes single pictures. Thread-safe. Every method raises DataError naming the file."""

    def read_image(self, path: Path, channels: int = 3) -> Image:
        """(H, W, C) uint8 as it should be seen: turned by its EXIF orientation, in RGB, or in grey for 1 channel."""
        ...

    def size(self, path: Path) -> tuple[int, int]:
        """(height, width) of what ``read_image`` gives, without decoding it."""
        ...

    def read_labels(self, path: Path) -> Labels:
        """(H, W) uint8: the values of an 8-bit grey or palette picture, untouched: what ``write_labels`` wrote."""
        ...

    def read_planes(self, paths: Sequence[Path]) -> Planes:
        """(H, W, K) uint8 of 0, 1 and IGNORE: a picture a class, what ``write_planes`` wrote."""
        ...

    def write_image(self, path: Path, image: Image) -> None:
        """A PNG without loss."""
        ...

    def write_labels(self, path: Path, labels: Labels, classes: ClassMap) -> None:
        """An 8-bit palette PNG whose pixel values are the class ids, in the classes' colours; 255 is ignored."""
        ...

    def write_planes(self, paths: Sequence[Path], planes: Planes) -> None:
        """A grey PNG a class: 0 outside, 255 inside, 128 where the class does not count."""
        ...

    def conversion(self, path: Path) -> str | None:
        """Why a picture should be written anew as PNG for others to see it as ``read_image`` does, or None.

        Some tools skip EXIF orientation, read CMYK inverted, clip 16 bits, or trust a wrong suffix.
        """
        ...


class ImageFinder(Protocol):
    """Finds pictures by what a user writes."""

    def find(self, inputs: Sequence[str]) -> Sequence[Path]:
        """Files as given, pictures in folders (not in their subfolders), and globs expanded; sorted, each once.

        Raises DataError naming every input that gives nothing.
        """
        ...
