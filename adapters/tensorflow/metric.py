"""Predicting and counting on the device. Only integers leave it; the domain makes scores of them."""

from __future__ import annotations

from .runtime import tf


def predictions(logits: tf.Tensor, *, planes: bool = False) -> tf.Tensor:
    """(N, H, W) int32 classes of (N, H, W, K) logits: argmax, ties to the lowest index; for K = 1, logit > 0.

    Of ``planes`` (N, H, W, K) int32, 1 where logit > 0.
    """
    if planes:
        return tf.cast(logits > 0, tf.int32)
    if logits.shape[-1] == 1:
        return tf.cast(logits[..., 0] > 0, tf.int32)
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def confusions(
    predicted: tf.Tensor, truth: tf.Tensor, valid: tf.Tensor, classes: int, *, device: str = "cpu"
) -> tf.Tensor:
    """(N, K, K) int64, one matrix an image: row = truth, column = prediction. Pixels that are not valid count nowhere.

    Of (N, H, W, K) planes (N, K, 2, 2): each is counted as an image of two classes.

    Args:
        predicted: (N, H, W) int32 in [0, classes).
        truth: (N, H, W) int32 in [0, classes) wherever valid.
        valid: (N, H, W) bool.
        classes: K.
        device: where it will run.
    """
    if truth.shape.rank == 4:
        _, height, width, planes = tf.unstack(tf.shape(truth))
        parts = (tf.transpose(part, (0, 3, 1, 2)) for part in (predicted, truth, valid))
        predicted, truth, valid = (tf.reshape(part, (-1, height, width)) for part in parts)
        return tf.reshape(confusions(predicted, truth, valid, 2, device=device), (-1, planes, 2, 2))
    images, bins = tf.shape(truth)[0], classes * classes + 1
    if device != "cpu":
        return _product(predicted, truth, valid, classes)
    cells = tf.reshape(tf.where(valid, truth * classes + predicted, classes * classes), (images, -1))
    none = tf.zeros((0,), tf.int64)
    counts = tf.raw_ops.DenseBincount(input=cells, size=bins, weights=none, binary_output=False)
    return tf.reshape(counts[:, :-1], (images, classes, classes))


def _product(predicted: tf.Tensor, truth: tf.Tensor, valid: tf.Tensor, classes: int) -> tf.Tensor:
    """One-hot planes multiplied: exact up to 2^24 pixels an image. Bincount refuses a GPU in deterministic mode."""
    flat = (tf.shape(truth)[0], -1, classes)
    rows = tf.reshape(tf.one_hot(tf.where(valid, truth, -1), classes), flat)
    columns = tf.reshape(tf.one_hot(predicted, classes), flat)
    return tf.cast(tf.matmul(rows, columns, transpose_a=True), tf.int64)
