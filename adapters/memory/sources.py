"""Arrays as a SampleSource."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...domain.arrays import Image, Labels
from ...domain.errors import DataError
from ...domain.samples import Sample


class ArraySource:
    """Images with their labels, of any sizes; they are not copied. Raises DataError for another number of labels.

    Args:
        images: (H, W, C) uint8 each, C being 1 or 3; or one array of them all, (N, H, W, C).
        labels: (H, W) uint8 class indices, 255 where a pixel does not count; (H, W, K) planes where classes overlap;
            (1, 1) for the class of a whole image.
        keys: what the samples are called; their numbers by default.
    """

    def __init__(self, images: Sequence[Image] | Image, labels: Sequence[Labels] | Labels, keys: Sequence[str] = ()):
        self._images = tuple(images)
        self._labels = tuple(labels)
        self._keys = tuple(keys) or tuple(f"{number:04d}" for number in range(len(self._images)))
        if not len(self._images) == len(self._labels) == len(set(self._keys)):
            raise DataError(
                f"There are {len(self._images)} images, {len(self._labels)} labels and {len(set(self._keys))} "
                "different keys.",
                fix="Give one label and one key for each image.",
            )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self._keys[index], np.asarray(self._images[index]), np.asarray(self._labels[index]))
