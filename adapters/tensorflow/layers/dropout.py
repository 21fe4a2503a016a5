"""Dropout whose randomness is handed in."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from ..runtime import keras, tf
from .registering import register


@register
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
