"""The operation table on torch tensors: every loss formula of the domain runs through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

FEW = 8
"""Classes up to which the axis of classes lies better before the pixels than behind them."""


class TorchOps:
    """``TensorOps[torch.Tensor]``; stateless. See the port for what each function means."""

    def constant(self, values: Sequence[float], like: Tensor) -> Tensor:
        """(len,) of ``like``'s dtype, on its device."""
        return torch.tensor(values, dtype=like.dtype, device=like.device)

    def cast(self, x: Tensor, like: Tensor) -> Tensor:
        """``x`` in ``like``'s dtype."""
        return x.to(like.dtype)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """A view where memory allows it."""
        return x.reshape(tuple(shape))

    def shape(self, x: Tensor) -> Sequence[int]:
        """Sizes of all axes."""
        return tuple(x.shape)

    def exp(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return torch.exp(x)

    def log(self, x: Tensor) -> Tensor:
        """Elementwise, natural."""
        return torch.log(x)

    def absolute(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return torch.abs(x)

    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor:
        """Elementwise."""
        return torch.maximum(x, y) if isinstance(y, Tensor) else torch.clamp(x, min=y)

    def minimum(self, x: Tensor, y: Tensor | float) -> Tensor:
        """Elementwise."""
        return torch.minimum(x, y) if isinstance(y, Tensor) else torch.clamp(x, max=y)

    def where(self, condition: Tensor, x: Tensor, y: Tensor | float) -> Tensor:
        """Elementwise choice."""
        return torch.where(condition, x, y)

    def sigmoid(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return torch.sigmoid(x)

    def softplus(self, x: Tensor) -> Tensor:
        """Elementwise; beyond 20 torch takes x itself, which is the float32 value."""
        return functional.softplus(x)

    def softmax(self, x: Tensor, axis: int) -> Tensor:
        """Along one axis."""
        return _along(torch.softmax, x, axis)

    def log_softmax(self, x: Tensor, axis: int) -> Tensor:
        """Along one axis."""
        return _along(torch.log_softmax, x, axis)

    def sum(self, x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
        """Over some axes, or all."""
        return x.sum() if axis is None else x.sum(axis if isinstance(axis, int) else tuple(axis))

    def cumulative_sum(self, x: Tensor, axis: int) -> Tensor:
        """Running sum along one axis."""
        return torch.cumsum(x, axis)

    def one_hot(self, labels: Tensor, classes: int, like: Tensor) -> Tensor:
        """Compared with the class indices: torch's own one_hot makes int64 planes first."""
        if classes > FEW:
            return (labels.unsqueeze(-1) == torch.arange(classes, device=labels.device)).to(like.dtype)
        return torch.stack([labels == index for index in range(classes)], 1).to(like.dtype).movedim(1, -1)

    def pick(self, x: Tensor, labels: Tensor) -> Tensor:
        """Each position's value at its label."""
        return torch.gather(x, -1, labels.long().unsqueeze(-1)).squeeze(-1)

    def sort_descending(self, x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Stable."""
        values, order = torch.sort(x, dim=axis, descending=True, stable=True)
        return values, order

    def take(self, x: Tensor, order: Tensor, axis: int) -> Tensor:
        """``x`` rearranged by ``order``."""
        return torch.take_along_dim(x, order, axis)

    def unstack(self, x: Tensor) -> Sequence[Tensor]:
        """Along the last axis."""
        return x.unbind(-1)

    def stop_gradient(self, x: Tensor) -> Tensor:
        """The same values without history."""
        return x.detach()


def _along(function: Callable[[Tensor, int], Tensor], x: Tensor, axis: int) -> Tensor:
    """A function along an axis; torch's kernels are slow over a short last one, so there it is moved forward first."""
    if axis % x.ndim == x.ndim - 1 and x.shape[-1] <= FEW and x.ndim > 2:
        return function(x.movedim(-1, 1).contiguous(), 1).movedim(1, -1)
    return function(x, axis)


OPS = TorchOps()
