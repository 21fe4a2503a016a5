"""Resizing of feature maps, by half-pixel centres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..runtime import keras, tf
from .registering import register


@register
class Resize(keras.layers.Layer):  # type: ignore[misc]
    """The first input at the second's size: half-pixel bilinear without antialias, or centre-aligned nearest."""

    def __init__(self, mode: str, **options: Any) -> None:
        super().__init__(**options)
        self.mode = mode

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """(N, H of the second, W of the second, C of the first)."""
        x, size = inputs[0], tf.shape(inputs[1])[1:3]
        if self.mode == "nearest":
            return nearest(x, size)
        # In float32 both ways: TensorFlow resizes in it anyway, and XLA's gradient of half precision does not compile.
        return tf.cast(tf.image.resize(tf.cast(x, tf.float32), size, "bilinear", antialias=False), x.dtype)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "mode": self.mode}


def nearest(x: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Centre-aligned nearest, (N, H, W, C) to (N, *size, C).

    With a gradient of matrix products: TensorFlow's own has no kernel in XLA, nor a deterministic one on a GPU.
    """

    def resized(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            rows, columns = _sources(tf.shape(x)[1], size[0]), _sources(tf.shape(x)[2], size[1])
            summed = tf.einsum("nabc,ah->nhbc", tf.cast(upstream, tf.float32), rows)
            return tf.cast(tf.einsum("nhbc,bw->nhwc", summed, columns), x.dtype)

        return tf.image.resize(x, size, "nearest"), gradient

    return tf.custom_gradient(resized)(x)


def _sources(length: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """(target, length) float32: 1 where a pixel of the result comes from."""
    positions = tf.reshape(tf.range(length), (1, -1, 1, 1))
    chosen = tf.image.resize(positions, (target, 1), "nearest")
    return tf.one_hot(tf.reshape(chosen, (-1,)), length)
