"""Keras layers for what Keras has no layer of, or one that follows other conventions.

All take and give (N, H, W, C). Those with float32 arithmetic inside give their input's dtype back. They are registered
under "segport", so a saved model loads wherever this module has been imported.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...domain.spec import Normalisation
from .runtime import keras, tf

_register = keras.saving.register_keras_serializable(package="segport")


@_register
class Normalise(keras.layers.Layer):  # type: ignore[misc]
    """(N, H, W, C) uint8 pixels to normalised float32: (pixel / 255 - mean) / std."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], **options: Any) -> None:
        super().__init__(**{"dtype": "float32", **options})
        self.mean, self.std = tuple(mean), tuple(std)
        self._scale, self._shift = Normalisation(self.mean, self.std).linear()

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Normalised images."""
        return tf.cast(images, tf.float32) * self._scale + self._shift

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "mean": self.mean, "std": self.std}


@_register
class Norm(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation whose running variance is the unbiased one, N / (N - 1), as torch keeps it.

    Keras's own layer keeps the biased one. With ``tracking`` off, training mode leaves the running statistics alone;
    where it is ``held``, it normalises by them as well.
    ``momentum`` is the weight of the new value.
    """

    def __init__(self, epsilon: float, momentum: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon, self.momentum, self.tracking, self.held = epsilon, momentum, True, False

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes the canonical four arrays."""
        options: dict[str, Any] = {"shape": (shape[-1],), "autocast": False}
        self.weight = self.add_weight(name="weight", initializer="ones", **options)
        self.bias = self.add_weight(name="bias", initializer="zeros", **options)
        self.running_mean = self.add_weight(name="running_mean", initializer="zeros", trainable=False, **options)
        self.running_var = self.add_weight(name="running_var", initializer="ones", trainable=False, **options)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalised by the batch's statistics in training and the running ones otherwise."""
        training = training and not self.held
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
class LayerNorm(keras.layers.Layer):  # type: ignore[misc]
    """Normalisation over the channels of every pixel, in float32. Keras's own calls its arrays gamma and beta."""

    def __init__(self, epsilon: float, **options: Any) -> None:
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes ``weight`` and ``bias``."""
        options: dict[str, Any] = {"shape": (shape[-1],), "autocast": False}
        self.weight = self.add_weight(name="weight", initializer="ones", **options)
        self.bias = self.add_weight(name="bias", initializer="zeros", **options)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H, W, C)."""
        exact = tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(exact, -1, keepdims=True)
        scaled = (exact - mean) * (tf.math.rsqrt(variance + self.epsilon) * self.weight.value)
        return tf.cast(scaled + self.bias.value, x.dtype)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "epsilon": self.epsilon}


@_register
class LayerScale(keras.layers.Layer):  # type: ignore[misc]
    """Each channel times a learnt number."""

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes ``weight``."""
        self.weight = self.add_weight(name="weight", shape=(shape[-1],), initializer="ones")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H, W, C)."""
        return x * tf.convert_to_tensor(self.weight)


@_register
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


@_register
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


@_register
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


@_register
class Attention(keras.layers.Layer):  # type: ignore[misc]
    """Means of the third input, weighed by the softmax of the first with the second, for each head; that in float32."""

    def __init__(self, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.heads = heads

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """(N, H, W, C), as the first input."""
        queries, keys, values = (self._per_head(x) for x in inputs)
        scores = tf.einsum("nqhd,nkhd->nhqk", queries * queries.shape[-1] ** -0.5, keys)
        weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), values.dtype)
        return tf.reshape(tf.einsum("nhqk,nkhd->nqhd", weights, values), tf.shape(inputs[0]))

    def _per_head(self, x: tf.Tensor) -> tf.Tensor:
        """(N, pixels, heads, channels of a head)."""
        size = tf.shape(x)
        return tf.reshape(x, (size[0], size[1] * size[2], self.heads, x.shape[-1] // self.heads))

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "heads": self.heads}


@_register
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
