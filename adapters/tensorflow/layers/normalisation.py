"""Normalisation: of pixels, and between layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....domain.spec import Normalisation
from ..runtime import keras, tf
from .registering import register


@register
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


@register
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


@register
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


@register
class LayerScale(keras.layers.Layer):  # type: ignore[misc]
    """Each channel times a learnt number."""

    def build(self, shape: Sequence[int | None]) -> None:
        """Makes ``weight``."""
        self.weight = self.add_weight(name="weight", shape=(shape[-1],), initializer="ones")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(N, H, W, C)."""
        return x * tf.convert_to_tensor(self.weight)
