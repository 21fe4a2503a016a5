"""The operation table on NumPy arrays: values only, float64 or float32, the oracle for every backend's own table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


class NumpyOps:
    """``TensorOps`` for NumPy; stateless. Floats keep the dtype of their input. See the port for their meaning."""

    def constant(self, values: Sequence[float], like: Array) -> Array:
        """(len,) of ``like``'s dtype."""
        return np.array(values, like.dtype)

    def cast(self, x: Array, like: Array) -> Array:
        """``x`` in ``like``'s dtype."""
        return np.asarray(x).astype(like.dtype)

    def reshape(self, x: Array, shape: Sequence[int]) -> Array:
        """In C order."""
        return x.reshape(tuple(shape))

    def shape(self, x: Array) -> Sequence[int]:
        """Sizes of all axes."""
        return x.shape

    def exp(self, x: Array) -> Array:
        """Elementwise."""
        return np.asarray(np.exp(x))

    def log(self, x: Array) -> Array:
        """Elementwise, natural."""
        return np.asarray(np.log(x))

    def absolute(self, x: Array) -> Array:
        """Elementwise."""
        return np.asarray(np.abs(x))

    def maximum(self, x: Array, y: Array | float) -> Array:
        """Elementwise."""
        return np.asarray(np.maximum(x, _like(x, y)))

    def minimum(self, x: Array, y: Array | float) -> Array:
        """Elementwise."""
        return np.asarray(np.minimum(x, _like(x, y)))

    def where(self, condition: Array, x: Array, y: Array | float) -> Array:
        """Elementwise choice."""
        return np.where(condition, x, _like(x, y))

    def sigmoid(self, x: Array) -> Array:
        """exp(-softplus(-x)), which overflows nowhere."""
        return np.asarray(np.exp(-self.softplus(-x)))

    def softplus(self, x: Array) -> Array:
        """log(exp(0) + exp(x)), finite for every finite x."""
        return np.asarray(np.logaddexp(_like(x, 0.0), x))

    def softmax(self, x: Array, axis: int) -> Array:
        """Along one axis."""
        return self.exp(self.log_softmax(x, axis))

    def log_softmax(self, x: Array, axis: int) -> Array:
        """Along one axis, with the largest value taken off first."""
        x = x - x.max(axis=axis, keepdims=True)
        return np.asarray(x - np.log(np.exp(x).sum(axis=axis, keepdims=True)))

    def sum(self, x: Array, axis: int | Sequence[int] | None = None) -> Array:
        """Over some axes, or all."""
        return np.asarray(x.sum(axis=axis if axis is None or isinstance(axis, int) else tuple(axis)))

    def cumulative_sum(self, x: Array, axis: int) -> Array:
        """Running sum along one axis."""
        return np.cumsum(x, axis=axis)

    def one_hot(self, labels: Array, classes: int, like: Array) -> Array:
        """(..., classes) of ``like``'s dtype."""
        return np.equal(labels[..., None], np.arange(classes)).astype(like.dtype)

    def pick(self, x: Array, labels: Array) -> Array:
        """Each position's value at its label."""
        return np.take_along_axis(x, labels[..., None].astype(np.int64), axis=-1)[..., 0]

    def sort_descending(self, x: Array, axis: int) -> tuple[Array, Array]:
        """Stable."""
        order = np.argsort(-x, axis=axis, kind="stable")
        return self.take(x, order, axis), order

    def take(self, x: Array, order: Array, axis: int) -> Array:
        """``x`` rearranged by ``order``."""
        return np.take_along_axis(x, order, axis=axis)

    def unstack(self, x: Array) -> Sequence[Array]:
        """Along the last axis."""
        return [x[..., k] for k in range(x.shape[-1])]

    def stop_gradient(self, x: Array) -> Array:
        """The same: there are no gradients here."""
        return x


OPS = NumpyOps()


def _like(x: Array, y: Array | float) -> Array:
    return np.asarray(y, x.dtype)
