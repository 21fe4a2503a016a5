"""Data sets across the border: any torch data set as a sample source, and ours as a torch data set."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from attrs import field, frozen
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ...domain.arrays import Image, Labels
from ...domain.errors import DataError
from ...domain.ports.dataset import SampleSource
from ...domain.samples import Sample
from .model import as_tensor


def as_source(dataset: Dataset[Any]) -> SampleSource:
    """A map-style torch data set of (image, labels) pairs as a sample source.

    Images may be tensors (C, H, W) or arrays and PIL images (H, W, C) or (H, W); uint8, or floats in [0, 1]. Labels are
    whole class ids (H, W), with 255 for pixels that count nowhere. Keys are the indices, six digits wide.

    Raises DataError when the data set has no length, or, on access, for an item that is none of this.
    """
    if not isinstance(dataset, Sized):
        raise DataError(
            f"{type(dataset).__name__} has no length.",
            fix="Use a map-style data set: one with __len__ and __getitem__.",
        )
    return _Source(dataset, len(dataset))


def as_native(source: SampleSource) -> Dataset[tuple[Tensor, Tensor]]:
    """A torch data set of (image (C, H, W) uint8, labels (H, W) int64 with 255 for ignored pixels)."""
    return _Native(source)


@frozen(eq=False)
class _Source:
    dataset: Dataset[Any]
    length: int = field()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int, /) -> Sample:
        if not -self.length <= index < self.length:
            raise IndexError(index)
        key = f"{index % self.length:06d}"
        item = self.dataset[index % self.length]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(f"Item {key} is {type(item).__name__}, expected a pair (image, labels).")
        sample = Sample(key, _image(item[0], key), _labels(item[1], key))
        if sample.image.shape[:2] != sample.labels.shape:
            raise DataError(f"Item {key}: the image is {sample.image.shape[:2]}, its labels {sample.labels.shape}.")
        return sample


class _Native(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, source: SampleSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        sample = self._source[index]
        return as_tensor(sample.image).permute(2, 0, 1), as_tensor(sample.labels).to(torch.int64)


def _image(value: Any, key: str) -> Image:
    array: NDArray[Any] = value.permute(1, 2, 0).cpu().numpy() if _is_planar(value) else np.asarray(value)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise DataError(f"Item {key}: an image of shape {array.shape}, expected 1 or 3 channels.")
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


def _is_planar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 3


def _labels(value: Any, key: str) -> Labels:
    array = np.asarray(value)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[:, :, 0]
    if array.ndim != 2:
        raise DataError(f"Item {key}: labels of shape {array.shape}, expected (height, width).")
    if array.size and (array.min() < 0 or array.max() > 255 or (array != np.floor(array)).any()):
        raise DataError(
            f"Item {key}: labels from {array.min()} to {array.max()}, expected whole class ids from 0 to 254.",
            fix="Give 255 to pixels that count nowhere; torchvision's own ignore value is 255 too.",
        )
    return np.ascontiguousarray(array, np.uint8)
