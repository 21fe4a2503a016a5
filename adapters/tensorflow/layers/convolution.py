"""Convolutions that TensorFlow has no gradient of on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..runtime import keras, tf
from .registering import register


@register
class WideConv(keras.layers.Layer):  # type: ignore[misc]
    """A convolution with groups or dilation.

    TensorFlow has no gradients of these on a CPU, so groups are convolved one by one (depthwise ones together), and a
    dilated kernel is applied to each of the dilation x dilation interleaved images.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        stride: int,
        padding: int,
        dilation: int,
        groups: int,
        use_bias: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.channels, self.size, self.stride, self.padding = channels, size, stride, padding
        self.dilation, self.groups, self.use_bias = dilation, groups, use_bias

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes ``kernel`` (size, size, in / groups, out), and ``bias``."""
        assert shape[-1] is not None
        kernel = (self.size, self.size, shape[-1] // self.groups, self.channels)
        self.kernel = self.add_weight(name="kernel", shape=kernel, initializer="zeros")
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.channels,), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H', W', out)."""
        around = [self.padding, self.padding]
        x, kernel = tf.pad(x, [[0, 0], around, around, [0, 0]]), tf.convert_to_tensor(self.kernel)
        result = self._dilated(x, kernel) if self.dilation > 1 else self._grouped(x, kernel, self.stride)
        return result + tf.convert_to_tensor(self.bias) if self.use_bias else result

    def _dilated(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        blocks, sizes = [self.dilation, self.dilation], tf.shape(x)[1:3]
        missing = tf.stack([tf.zeros(2, tf.int32), -sizes % self.dilation], 1)
        images = tf.space_to_batch(x, blocks, missing)
        whole = tf.batch_to_space(self._grouped(images, kernel, 1), blocks, tf.zeros((2, 2), tf.int32))
        height, width = tf.unstack(sizes - self.dilation * (self.size - 1))
        return whole[:, : height : self.stride, : width : self.stride]

    def _grouped(self, x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
        if self.groups == 1:
            return tf.nn.conv2d(x, kernel, stride, "VALID")
        if kernel.shape[2] == 1:
            # In float32: on a CPU, half precision takes up to twelve times as long.
            depthwise = tf.cast(tf.reshape(kernel, (self.size, self.size, x.shape[-1], -1)), tf.float32)
            result = tf.nn.depthwise_conv2d(tf.cast(x, tf.float32), depthwise, [1, stride, stride, 1], "VALID")
            return tf.cast(result, x.dtype)
        pairs = zip(tf.split(x, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True)
        return tf.concat([tf.nn.conv2d(part, own, stride, "VALID") for part, own in pairs], -1)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        names = ("channels", "size", "stride", "padding", "dilation", "groups", "use_bias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
