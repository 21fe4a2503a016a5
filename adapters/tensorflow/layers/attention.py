"""Attention between the pixels of feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..runtime import keras, tf
from .registering import register


@register
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
