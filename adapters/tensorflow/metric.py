"""Predicting and counting on the device. Only integers leave it; the domain makes scores of them."""

from __future__ import annotations

from .runtime import tf


def predictions(logits: tf.Tensor) -> tf.Tensor:
    """(N, H, W) int32 classes of (N, H, W, K) logits: argmax, ties to the lowest index; for K = 1, logit > 0."""
    if logits.shape[-1] == 1:
        return tf.cast(logits[..., 0] > 0, tf.int32)
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def confusions(predicted: tf.Tensor, truth: tf.Tensor, valid: tf.Tensor, classes: int) -> tf.Tensor:
    """(N, K, K) int64, one matrix an image: row = truth, column = prediction. Pixels that are not valid count nowhere.

    Args:
        predicted: (N, H, W) int32 in [0, classes).
        truth: (N, H, W) int32 in [0, classes) wherever valid.
        valid: (N, H, W) bool.
        classes: K.
    """
    images, bins = tf.shape(truth)[0], classes * classes + 1
    cells = tf.reshape(tf.where(valid, truth * classes + predicted, classes * classes), (images, -1))
    none = tf.zeros((0,), tf.int64)
    counts = tf.raw_ops.DenseBincount(input=cells, size=bins, weights=none, binary_output=False)
    return tf.reshape(counts[:, :-1], (images, classes, classes))
