"""The operation table on TensorFlow tensors: every loss formula of the domain runs through it."""

from __future__ import annotations

from collections.abc import Sequence

from .runtime import tf


class TensorflowOps:
    """``TensorOps[tf.Tensor]``; stateless. See the port for what each function means."""

    def constant(self, values: Sequence[float], like: tf.Tensor) -> tf.Tensor:
        """(len,) of ``like``'s dtype."""
        return tf.constant(values, like.dtype)

    def cast(self, x: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        """``x`` in ``like``'s dtype."""
        return tf.cast(x, like.dtype)

    def reshape(self, x: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
        """In C order."""
        return tf.reshape(x, shape)

    def shape(self, x: tf.Tensor) -> Sequence[int]:
        """Sizes of all axes: integers where they are known while tracing, scalar tensors elsewhere."""
        sizes = tf.shape(x)
        return [sizes[axis] if size is None else size for axis, size in enumerate(x.shape)]

    def exp(self, x: tf.Tensor) -> tf.Tensor:
        """Elementwise."""
        return tf.exp(x)

    def log(self, x: tf.Tensor) -> tf.Tensor:
        """Elementwise, natural."""
        return tf.math.log(x)

    def absolute(self, x: tf.Tensor) -> tf.Tensor:
        """Elementwise."""
        return tf.abs(x)

    def maximum(self, x: tf.Tensor, y: tf.Tensor | float) -> tf.Tensor:
        """Elementwise."""
        return tf.maximum(x, y)

    def minimum(self, x: tf.Tensor, y: tf.Tensor | float) -> tf.Tensor:
        """Elementwise."""
        return tf.minimum(x, y)

    def where(self, condition: tf.Tensor, x: tf.Tensor, y: tf.Tensor | float) -> tf.Tensor:
        """Elementwise choice."""
        return tf.where(condition, x, y)

    def sigmoid(self, x: tf.Tensor) -> tf.Tensor:
        """Elementwise."""
        return tf.sigmoid(x)

    def softplus(self, x: tf.Tensor) -> tf.Tensor:
        """Elementwise."""
        return tf.math.softplus(x)

    def softmax(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        """Along one axis."""
        return tf.nn.softmax(x, axis)

    def log_softmax(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        """Along one axis."""
        return tf.nn.log_softmax(x, axis)

    def sum(self, x: tf.Tensor, axis: int | Sequence[int] | None = None) -> tf.Tensor:
        """Over some axes, or all."""
        return tf.reduce_sum(x, axis)

    def cumulative_sum(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        """Running sum along one axis."""
        return tf.cumsum(x, axis)

    def one_hot(self, labels: tf.Tensor, classes: int, like: tf.Tensor) -> tf.Tensor:
        """Planes of ``like``'s dtype."""
        return tf.one_hot(labels, classes, dtype=like.dtype)

    def pick(self, x: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """A sum over one-hot planes: a gather's gradient is a scatter, which is slow and adds in any order on a GPU."""
        classes = tf.range(tf.shape(x)[-1])
        chosen = tf.expand_dims(tf.cast(labels, tf.int32), -1) == classes
        return tf.reduce_sum(tf.where(chosen, x, 0.0), -1)

    def sort_descending(self, x: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Stable."""
        order = tf.argsort(tf.stop_gradient(x), axis, "DESCENDING", stable=True)
        return self.take(x, order, axis), order

    def take(self, x: tf.Tensor, order: tf.Tensor, axis: int) -> tf.Tensor:
        """``x`` rearranged by ``order``."""
        last = len(x.shape) - 1
        axes = [other for other in range(last + 1) if other != axis % (last + 1)]
        forth = [*axes, axis % (last + 1)]
        back = [forth.index(other) for other in range(last + 1)]
        rows = tf.gather(tf.transpose(x, forth), tf.transpose(order, forth), axis=last, batch_dims=last)
        return tf.transpose(rows, back)

    def unstack(self, x: tf.Tensor) -> Sequence[tf.Tensor]:
        """Along the last axis."""
        planes: list[tf.Tensor] = tf.unstack(x, axis=-1)
        return planes

    def stop_gradient(self, x: tf.Tensor) -> tf.Tensor:
        """The same values, constants to the gradient."""
        return tf.stop_gradient(x)


OPS = TensorflowOps()
