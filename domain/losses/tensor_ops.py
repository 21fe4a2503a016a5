"""The operation table: all that a loss formula may use besides ``+ - * / **`` and comparisons of tensors.

A backend implements it in a page; every loss then runs there, differentiable by the framework's own means. Arithmetic
operators work on the framework's tensors directly, broadcast as in NumPy, and take Python floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class TensorOps(Protocol[T]):
    """Functions on one framework's tensors ``T``. Axes count as in NumPy; floats keep their dtype.

    Tensors come by position, so that a framework's own function may stand here whatever it calls them.
    """

    def constant(self, values: Sequence[float], /, like: T) -> T:
        """(len,) float tensor on ``like``'s device."""
        ...

    def cast(self, x: T, /, like: T) -> T:
        """Bool or integer values as ``like``'s float dtype."""
        ...

    def reshape(self, x: T, /, shape: Sequence[int]) -> T:
        """The same values in C order."""
        ...

    def shape(self, x: T, /) -> Sequence[int]:
        """Sizes of all axes; the number of classes is a plain integer, others may be symbolic."""
        ...

    def exp(self, x: T, /) -> T:
        """Elementwise."""
        ...

    def log(self, x: T, /) -> T:
        """Elementwise, natural."""
        ...

    def absolute(self, x: T, /) -> T:
        """Elementwise; slope 0 at 0."""
        ...

    def maximum(self, x: T, y: T | float, /) -> T:
        """Elementwise."""
        ...

    def minimum(self, x: T, y: T | float, /) -> T:
        """Elementwise."""
        ...

    def where(self, condition: T, x: T, y: T | float, /) -> T:
        """Elementwise choice, broadcast. What is not taken gives no gradient, nor a NaN while its slope is finite."""
        ...

    def sigmoid(self, x: T, /) -> T:
        """1 / (1 + exp(-x)), finite for every finite x."""
        ...

    def softplus(self, x: T, /) -> T:
        """log(1 + exp(x)), finite for every finite x."""
        ...

    def softmax(self, x: T, /, axis: int) -> T:
        """exp(x) / sum exp(x) along one axis, finite for every finite x."""
        ...

    def log_softmax(self, x: T, /, axis: int) -> T:
        """Its logarithm, finite for every finite x."""
        ...

    def sum(self, x: T, /, axis: int | Sequence[int] | None = None) -> T:
        """Over some axes, which vanish, or all."""
        ...

    def cumulative_sum(self, x: T, /, axis: int) -> T:
        """Running sum along one axis, itself included."""
        ...

    def one_hot(self, labels: T, /, classes: int, like: T) -> T:
        """(...) integers to (..., classes) floats of ``like``'s dtype."""
        ...

    def pick(self, x: T, labels: T, /) -> T:
        """(..., K) and (...) integers to (...): each position's value at its label."""
        ...

    def sort_descending(self, x: T, /, axis: int) -> tuple[T, T]:
        """Sorted values (differentiable) and the order, as indices; ties keep their order."""
        ...

    def take(self, x: T, order: T, /, axis: int) -> T:
        """``x`` rearranged by ``order``, as numpy.take_along_axis."""
        ...

    def unstack(self, x: T, /) -> Sequence[T]:
        """(..., K) to K tensors of (...): what a slice gives, but the gradient of all is stacked once."""
        ...

    def stop_gradient(self, x: T, /) -> T:
        """The same values, taken for constants by the gradient."""
        ...


AnyOps = TensorOps[Any]
