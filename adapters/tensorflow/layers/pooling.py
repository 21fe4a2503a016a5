"""Pooling with padding on all sides, and into a grid."""

from __future__ import annotations

import math
from typing import Any

from ..runtime import keras, tf
from .registering import register


@register
class MaxPool(keras.layers.Layer):  # type: ignore[misc]
    """Largest value in a window; the padding, the same on all sides, never wins."""

    def __init__(self, kernel: int, stride: int, padding: int, **options: Any) -> None:
        super().__init__(**options)
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H', W', C)."""
        around = [self.padding, self.padding]
        # Padded by hand: XLA knows no pooling with padding of its own.
        padded = tf.pad(x, [[0, 0], around, around, [0, 0]], constant_values=-math.inf) if self.padding else x
        return tf.nn.max_pool2d(padded, self.kernel, self.stride, "VALID")

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "kernel": self.kernel, "stride": self.stride, "padding": self.padding}


@register
class GridPool(keras.layers.Layer):  # type: ignore[misc]
    """Mean over every cell of a size x size grid, in float32; by products with matrices, which XLA and GPUs have."""

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, size, size, C)."""
        rows, columns = (self._cells(tf.shape(x)[axis]) for axis in (1, 2))
        mean = tf.einsum("ih,nhwc->niwc", rows, tf.cast(x, tf.float32))
        return tf.cast(tf.einsum("jw,niwc->nijc", columns, mean), x.dtype)

    def _cells(self, length: tf.Tensor) -> tf.Tensor:
        """(size, length): what share each pixel has in the mean of each cell."""
        pixel, cell = tf.range(length), tf.range(self.size)[:, None]
        start, stop = cell * length // self.size, ((cell + 1) * length + self.size - 1) // self.size
        inside = (start <= pixel) & (pixel < stop)
        return tf.cast(inside, tf.float32) / tf.cast(stop - start, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "size": self.size}
