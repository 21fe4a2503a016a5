"""Arrays of a framework's data set as images and labels of ours. Shared by the backends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.arrays import IGNORE, Image, Labels, Planes
from ..domain.errors import DataError
from ..domain.samples import Sample


def sample(key: str, image: NDArray[Any], labels: NDArray[Any]) -> Sample:
    """A sample of an image (H, W, C) or (H, W), uint8 or floats in [0, 1], and whole class ids (H, W).

    Labels may have a third axis of length 1, first or last; a number alone is the class of the whole image. Several
    planes, first or last, are classes that may overlap: 0 and 1, with 255 where one does not count. Raises DataError
    naming the item for anything else.
    """
    pixels = _image(image, key)
    found = Sample(key, pixels, _planes(labels, pixels, key) if _several(labels) else _labels(labels, key))
    if found.image.shape[:2] != found.labels.shape[:2] and not (labels.ndim == 0 and found.whole):
        raise DataError(f"Item {key}: the image is {found.image.shape[:2]}, its labels {found.labels.shape}.")
    return found


def _image(array: NDArray[Any], key: str) -> Image:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise DataError(
            f"Item {key}: an image of shape {array.shape}, expected 1 or 3 channels.",
            fix="Give single images, not batches: (height, width), or with a channel axis.",
        )
    if np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):
            raise DataError(
                f"Item {key}: float pixels from {array.min()} to {array.max()}, expected [0, 1].",
                fix="Leave normalisation out of the data set's transform: the model does it.",
            )
        array = np.rint(array * 255)
    elif array.dtype != np.uint8:
        raise DataError(f"Item {key}: pixels of {array.dtype}, expected uint8 or floats in [0, 1].")
    return np.ascontiguousarray(array, np.uint8)


def _several(labels: NDArray[Any]) -> bool:
    return labels.ndim == 3 and 1 not in (labels.shape[0], labels.shape[2])


def _planes(array: NDArray[Any], image: Image, key: str) -> Planes:
    if array.shape[1:] == image.shape[:2] != array.shape[:2]:
        array = np.moveaxis(array, 0, 2)
    if array.shape[:2] == image.shape[:2] and not np.isin(array, (0, 1, IGNORE)).all():
        raise DataError(
            f"Item {key}: labels of shape {array.shape} from {array.min()} to {array.max()}, expected (height, width), "
            "or planes of 0 and 1.",
            fix="Give 255 to pixels that do not count in a plane.",
        )
    return np.ascontiguousarray(array, np.uint8)


def _labels(array: NDArray[Any], key: str) -> Labels:
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[:, :, 0]
    if array.ndim == 0:
        array = array.reshape(1, 1)
    if array.ndim != 2:
        raise DataError(f"Item {key}: labels of shape {array.shape}, expected (height, width) or one number.")
    if array.size and (array.min() < 0 or array.max() > 255 or (array != np.floor(array)).any()):
        raise DataError(
            f"Item {key}: labels from {array.min()} to {array.max()}, expected whole class ids from 0 to 254.",
            fix="Give 255 to pixels that count nowhere.",
        )
    return np.ascontiguousarray(array, np.uint8)
