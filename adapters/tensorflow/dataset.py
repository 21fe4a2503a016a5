"""Data sets across the border: any tf.data.Dataset as a sample source, and ours as a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from ...domain.errors import DataError
from ...domain.ports.dataset import SampleSource
from ...domain.samples import Sample
from ..foreign import sample
from .runtime import tf


def as_source(dataset: tf.data.Dataset) -> SampleSource:
    """A tf.data.Dataset of (image, labels) pairs as a sample source.

    Images are (H, W, C) or (H, W); uint8, or floats in [0, 1]. Labels are whole class ids (H, W) or (H, W, 1), with 255
    for pixels that count nowhere, or a number: the class of the whole image. Of classes that overlap they are planes of
    0 and 1, (H, W, K) or (K, H, W). Keys are the indices, six digits wide.

    A stream has no items to pick from: it is read once, in its own order and as far as asked for, and what was read
    stays in memory as uint8. Give it without shuffling, repeating and batching; those are done here.

    Raises DataError for a data set without end, or, on access, for an item that is none of this.
    """
    length = int(dataset.cardinality())
    if length == tf.data.INFINITE_CARDINALITY:
        raise DataError("The data set has no end.", fix="Leave out .repeat(): segport repeats it epoch by epoch.")
    known = length != tf.data.UNKNOWN_CARDINALITY
    source = _Source(dataset.as_numpy_iterator(), length if known else None)
    return source if known else _Source(iter(()), source.read_all(), source.samples)


def as_native(source: SampleSource) -> tf.data.Dataset:
    """A tf.data.Dataset of (image (H, W, C) uint8, labels (H, W) int64, or planes, with 255 for ignored), in order."""

    def pairs() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        for index in range(len(source)):
            found = source[index]
            yield found.image, found.labels.astype(np.int64)

    channels = source[0].image.shape[2] if len(source) else None
    planes = source[0].labels.shape[2:] if len(source) else ()
    signature = (tf.TensorSpec((None, None, channels), tf.uint8), tf.TensorSpec((None, None, *planes), tf.int64))
    dataset = tf.data.Dataset.from_generator(pairs, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(source)))


@frozen(eq=False)
class _Source:
    stream: Iterator[Any]
    length: int | None
    samples: list[Sample | DataError] = field(factory=list)
    lock: Lock = field(factory=Lock)

    def __len__(self) -> int:
        assert self.length is not None
        return self.length

    def __getitem__(self, index: int, /) -> Sample:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        with self.lock:
            while len(self.samples) <= index:
                self.read()
        found = self.samples[index]
        if isinstance(found, DataError):
            raise found
        return found

    def read(self) -> None:
        """Appends the stream's next item, or what is wrong with it: a stream cannot be asked twice."""
        item, key = next(self.stream), f"{len(self.samples):06d}"
        try:
            self.samples.append(_sample(item, key))
        except DataError as error:
            self.samples.append(error)

    def read_all(self) -> int:
        """Reads to the end, and gives the number of samples."""
        try:
            while True:
                self.read()
        except StopIteration:
            return len(self.samples)


def _sample(item: Any, key: str) -> Sample:
    if not isinstance(item, tuple) or len(item) != 2:
        raise DataError(f"Item {key} is {type(item).__name__}, expected a pair (image, labels).")
    return sample(key, np.asarray(item[0]), np.asarray(item[1]))
