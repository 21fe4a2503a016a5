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

from ...domain.errors import DataError
from ...domain.ports.dataset import SampleSource
from ...domain.samples import Sample
from ..foreign import sample
from .model import as_tensor


def as_source(dataset: Dataset[Any]) -> SampleSource:
    """A map-style torch data set of (image, labels) pairs as a sample source.

    Images may be tensors (C, H, W) or arrays and PIL images (H, W, C) or (H, W); uint8, or floats in [0, 1]. Labels are
    whole class ids (H, W), with 255 for pixels that count nowhere, or a number: the class of the whole image. Of
    classes that overlap they are planes of 0 and 1, (K, H, W) or (H, W, K). Keys are the indices, six digits wide.

    Raises DataError when the data set has no length, or, on access, for an item that is none of this.
    """
    if not isinstance(dataset, Sized):
        raise DataError(
            f"{type(dataset).__name__} has no length.",
            fix="Use a map-style data set: one with __len__ and __getitem__.",
        )
    return _Source(dataset, len(dataset))


def as_native(source: SampleSource) -> Dataset[tuple[Tensor, Tensor]]:
    """A torch data set of (image (C, H, W) uint8, labels (H, W) int64, or planes, with 255 for ignored pixels)."""
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
        return sample(key, _array(item[0]), np.asarray(item[1]))


class _Native(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, source: SampleSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        found = self._source[index]
        return as_tensor(found.image).permute(2, 0, 1), as_tensor(found.labels).to(torch.int64)


def _array(value: Any) -> NDArray[Any]:
    """An array, channels last: a tensor of three axes is (C, H, W)."""
    return value.permute(1, 2, 0).cpu().numpy() if isinstance(value, Tensor) and value.ndim == 3 else np.asarray(value)
