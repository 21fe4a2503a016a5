"""A reader: one layout of images and masks on disk, here one .npz file an image."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...domain.arrays import Image, Labels
from ...domain.classes import ClassMap
from ...domain.errors import DataError
from ...domain.ports.dataset import SourceItem


class ExampleReader:
    """``<id>.npz`` with ``image``, (H, W, 3) uint8, and ``labels``, (H, W) uint8 of 0 and 1."""

    name = "example"

    def recognises(self, source: Path) -> str | None:
        """Counts the files, or says None: then `segport prepare` asks the next reader."""
        files = list(source.glob("*.npz"))
        return f"found {len(files)} .npz files" if files else None

    def items(self, source: Path) -> Sequence[SourceItem]:
        """One a file, sorted. Raises DataError where there is none."""
        files = sorted(source.glob("*.npz"), key=lambda path: path.stem)
        if not files:
            raise DataError(f"{source} holds no .npz files.", fix="Name the folder that holds them.")
        return [SourceItem(path.stem, path, (path,), embedded=True) for path in files]

    def classes(self, source: Path) -> ClassMap | None:
        """What the values of labels mean."""
        return ClassMap.binary()

    def read_image(self, item: SourceItem) -> Image:
        """Raises DataError naming the file."""
        return _array(item.image, "image")

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Labels:
        """Raises DataError naming the file, and each value that the class map does not know."""
        return classes.encode(_array(item.masks[0], "labels"), str(item.masks[0]))


def _array(path: Path, name: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(BytesIO(path.read_bytes()), allow_pickle=False)[name]
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise DataError(f"Cannot read {name!r} of {path}: {error}.") from error
    return array
