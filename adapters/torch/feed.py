"""Batches on their way to the device, fetched a little ahead of the consumer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from attrs import frozen
from torch import Tensor

from ...domain.arrays import IGNORE
from ...domain.samples import Batch
from ..prefetch import ahead
from .model import as_tensor


@frozen(eq=False)
class DeviceBatch:
    """A batch on the device: ``images`` (N, H, W, C) uint8, ``labels`` (N, H, W) uint8."""

    images: Tensor
    labels: Tensor

    def targets(self) -> tuple[Tensor, Tensor]:
        """(N, H, W) int64 classes with 0 where not counted, and the bool mask of counted pixels."""
        valid = self.labels != IGNORE
        return torch.where(valid, self.labels, 0).long(), valid


def feed(batches: Iterable[Batch], device: torch.device) -> Iterator[DeviceBatch]:
    """Every batch on ``device``, in order. A thread takes them from ``batches`` up to two ahead.

    On a CPU nothing is copied, and the thread does no arithmetic: a second thread of torch work would bring a second
    team of OpenMP workers to the same cores. Closing the iterator stops the thread and closes ``batches``; an error in
    ``batches`` is raised here.
    """
    pin = device.type == "cuda"
    for batch in ahead(batches):
        images, labels = as_tensor(batch.images), as_tensor(batch.labels)
        if pin:
            images, labels = images.pin_memory(), labels.pin_memory()
        yield DeviceBatch(images.to(device, non_blocking=pin), labels.to(device, non_blocking=pin))
