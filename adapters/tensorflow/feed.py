"""Batches on their way to the device, fetched a little ahead of the consumer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from ...domain.arrays import IGNORE
from ...domain.samples import Batch
from ..prefetch import ahead
from .runtime import tf


@frozen(eq=False)
class DeviceBatch:
    """A batch on the device: ``images`` (N, H, W, C) uint8, ``labels`` (N, H, W) uint8."""

    images: tf.Tensor
    labels: tf.Tensor


def targets(labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(N, H, W) int32 classes with 0 where not counted, and the bool mask of counted pixels, of uint8 labels."""
    valid = labels != IGNORE
    return tf.where(valid, tf.cast(labels, tf.int32), 0), valid


def feed(batches: Iterable[Batch], device: str) -> Iterator[DeviceBatch]:
    """Every batch on ``device``, in order. A thread takes them from ``batches`` up to two ahead.

    Closing the iterator stops the thread and closes ``batches``; an error in ``batches`` is raised here.
    """
    for batch in ahead(batches):
        with tf.device(device):
            fed = DeviceBatch(tf.convert_to_tensor(batch.images), tf.convert_to_tensor(batch.labels))
        yield fed
