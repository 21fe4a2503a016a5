"""What every operation of a graph is: so many inputs, a shape of its result, weights, a cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from .shapes import Shape

INITIALISATIONS = ("he", "depthwise", "xavier", "narrow", "zeros")
"""Kernels' first values: He normal by the fan out or by that of one channel, Xavier uniform, normal (0.02), or none."""


@frozen
class WeightSpec:
    """One array of an operation.

    ``init`` is one of ``INITIALISATIONS``, "ones", "tiny" (1e-6), or "own": as the code of a ``Native`` model draws it.
    """

    suffix: str
    shape: tuple[int, ...]
    init: str
    trainable: bool = True


@frozen
class Operation:
    """Base: one input, shape unchanged, no weights."""

    kind: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1
    """Number of inputs; None is two or more."""

    def count_problem(self, count: int) -> str:
        """Why it cannot take ``count`` inputs; empty when it can."""
        if count >= 2 if self.arity is None else count == self.arity:
            return ""
        wanted = "2 or more inputs" if self.arity is None else f"{self.arity} input{'s' * (self.arity != 1)}"
        return f"{self.kind} takes {wanted}, not {count}"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the result. Raises InvalidSpecError when the inputs cannot be combined."""
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[WeightSpec, ...]:
        """The arrays it holds; they depend on the inputs' channels only."""
        return ()

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """Multiplications, each with an addition, for one image; 0 where they are negligible beside a convolution's."""
        return 0
