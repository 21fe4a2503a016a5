"""Keras layers for what Keras has no layer of, or one that follows other conventions.

All take and give (N, H, W, C). Those with float32 arithmetic inside give their input's dtype back. They are registered
under "segport", so a saved model loads wherever this module has been imported.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .runtime import keras, tf

_register = keras.saving.register_keras_serializable(package="segport")


@_register
class Normalise(keras.layers.Layer):  # type: ignore[misc]
    """(N, H, W, C) uint8 pixels to normalised float32: (pixel / 255 - mean) / std."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], **options: Any) -> None:
        super().__init__(**{"dtype": "float32", **options})
        self.mean, self.std = tuple(mean), tuple(std)
        exact, deviation = np.asarray(self.mean, np.float64), np.asarray(self.std, np.float64)
        self._scale, self._shift = ((1 / (255 * deviation)).astype("f4"), (-exact / deviation).astype("f4"))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Normalised images."""
        return tf.cast(images, tf.float32) * self._scale + self._shift

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "mean": self.mean, "std": self.std}


@_register
class Norm(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation whose running variance is the unbiased one, N / (N - 1), as torch keeps it.

    Keras's own layer keeps the biased one. With ``tracking`` off, training mode leaves the running statistics alone.
    ``momentum`` is the weight of the new value.
    """

    def __init__(self, epsilon: float, momentum: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon, self.momentum, self.tracking = epsilon, momentum, True

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes the canonical four arrays."""
        options: dict[str, Any] = {"shape": (shape[-1],), "autocast": False}
        self.weight = self.add_weight(name="weight", initializer="ones", **options)
        self.bias = self.add_weight(name="bias", initializer="zeros", **options)
        self.running_mean = self.add_weight(name="running_mean", initializer="zeros", trainable=False, **options)
        self.running_var = self.add_weight(name="running_var", initializer="ones", trainable=False, **options)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalised by the batch's statistics in training and the running ones otherwise."""
        mean, variance = self.running_mean.value, self.running_var.value
        # The fused kernel divides by the biased variance, and hands on the unbiased one for keeping.
        found = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.weight.value,
            offset=self.bias.value,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0,
            is_training=bool(training),
        )
        if training and self.tracking:
            for running, new in ((mean, found.batch_mean), (variance, found.batch_variance)):
                running.assign_add(self.momentum * (new - running))
        return found.y

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "epsilon": self.epsilon, "momentum": self.momentum}


@_register
class WideConv(keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution with groups or dilation, on inputs padded before.

    TensorFlow has no gradients of these on a CPU, so groups are convolved one by one (depthwise ones together), and a
    dilated kernel is applied to each of the dilation x dilation interleaved images.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """See Keras."""
        dilation, stride = self.dilation_rate[0], self.strides[0]
        if dilation == 1:
            return self._grouped(inputs, kernel, stride)
        sizes = tf.shape(inputs)[1:3]
        short = -sizes % dilation
        missing = tf.stack([tf.zeros(2, tf.int32), short], 1)
        parts = tf.space_to_batch(inputs, [dilation, dilation], missing)
        whole = tf.batch_to_space(self._grouped(parts, kernel, 1), [dilation, dilation], missing * 0)
        height, width = tf.unstack(sizes - dilation * (self.kernel_size[0] - 1))
        return whole[:, :height:stride, :width:stride]

    def _grouped(self, x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
        if self.groups == 1:
            return tf.nn.conv2d(x, kernel, stride, "VALID")
        if kernel.shape[2] == 1:
            size, channels = self.kernel_size[0], x.shape[-1]
            depthwise = tf.reshape(kernel, (size, size, channels, -1))
            return tf.nn.depthwise_conv2d(x, depthwise, [1, stride, stride, 1], "VALID")
        pairs = zip(tf.split(x, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True)
        return tf.concat([tf.nn.conv2d(part, own, stride, "VALID") for part, own in pairs], -1)


@_register
class MaxPool(keras.layers.Layer):  # type: ignore[misc]
    """Largest value in a window; the padding, the same on all sides, never wins."""

    def __init__(self, kernel: int, stride: int, padding: int, **options: Any) -> None:
        super().__init__(**options)
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H', W', C)."""
        around = [self.padding, self.padding]
        return tf.nn.max_pool2d(x, self.kernel, self.stride, [[0, 0], around, around, [0, 0]])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "kernel": self.kernel, "stride": self.stride, "padding": self.padding}


@_register
class Resize(keras.layers.Layer):  # type: ignore[misc]
    """The first input at the second's size: half-pixel bilinear without antialias, or centre-aligned nearest."""

    def __init__(self, mode: str, **options: Any) -> None:
        super().__init__(**options)
        self.mode = mode

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """(N, H of the second, W of the second, C of the first)."""
        x, like = inputs
        return tf.cast(tf.image.resize(x, tf.shape(like)[1:3], self.mode, antialias=False), x.dtype)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "mode": self.mode}


@_register
class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout that is a function of ``key``, a variable of two integers, and the layer's name.

    With ``active`` off, it is the identity in training mode too.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.active = rate, True

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes the key."""
        self.key = self.add_weight(name="key", shape=(2,), dtype="int64", initializer="zeros", trainable=False)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Zeroes values in training and scales the rest up."""
        if not training or not self.active:
            return x
        seed = tf.random.experimental.stateless_fold_in(self.key.value, zlib.crc32(self.name.encode()))
        return tf.nn.experimental.stateless_dropout(x, self.rate, seed)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "rate": self.rate}


@contextmanager
def batch_statistics_only(native: keras.Model) -> Iterator[None]:
    """While tracing inside: training mode neither tracks running statistics nor drops values out."""
    norms = [layer for layer in native.layers if isinstance(layer, Norm)]
    drops = [layer for layer in native.layers if isinstance(layer, Dropout)]
    for norm in norms:
        norm.tracking = False
    for drop in drops:
        drop.active = False
    try:
        yield
    finally:
        for norm in norms:
            norm.tracking = True
        for drop in drops:
            drop.active = True
