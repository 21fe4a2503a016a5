"""Torch modules and functions for what torch has no layer of, or one that follows other conventions.

All take and give (N, C, H, W), channels last in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm

from ...domain.spec import Normalisation


class Normalise(nn.Module):
    """(N, H, W, C) uint8 pixels to (N, C, H, W) float32, channels-last in memory without a copy to another layout."""

    scale: Tensor
    shift: Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        for name, values in zip(("scale", "shift"), normalisation.linear(), strict=True):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images."""
        return torch.addcmul(self.shift, images.permute(0, 3, 1, 2).float(), self.scale)


class Norm(nn.Module):
    """Batch normalisation with the canonical four arrays and no batch counter.

    With ``tracking`` off, training mode leaves the running statistics alone.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, epsilon: float, momentum: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.epsilon, self.momentum, self.tracking = epsilon, momentum, True

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), normalised by the batch's statistics in training and the running ones otherwise."""
        if self.training and not self.tracking:
            return functional.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.epsilon)
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.epsilon
        )

    def extra_repr(self) -> str:
        """Shown when the model is printed."""
        return f"{len(self.weight)}, epsilon={self.epsilon}, momentum={self.momentum}"


class LayerNorm(nn.Module):
    """Normalisation over the channels of every pixel of (N, C, H, W): a view, where channels are last in memory."""

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W)."""
        last = x.permute(0, 2, 3, 1)
        return functional.layer_norm(last, self.weight.shape, self.weight, self.bias, self.epsilon).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Shown when the model is printed."""
        return f"{len(self.weight)}, epsilon={self.epsilon}"


class LayerScale(nn.Module):
    """Each channel times a learnt number."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W)."""
        return x * self.weight.view(-1, 1, 1)


def spatial_size(x: Tensor) -> tuple[int, int]:
    """(height, width) of (N, C, H, W)."""
    return x.shape[2], x.shape[3]


def resize(x: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Half-pixel bilinear without antialias, or centre-aligned nearest ("nearest-exact" in torch)."""
    if mode == "bilinear":
        return functional.interpolate(x, size, mode="bilinear", align_corners=False, antialias=False)
    return functional.interpolate(x, size, mode="nearest-exact")


def grid_mean(x: Tensor, size: int) -> Tensor:
    """Mean over every cell of a grid: (N, C, size, size).

    By products with matrices: the gradient of ``adaptive_avg_pool2d`` is not the same twice on a GPU.
    """
    rows, columns = _cells(x.shape[2], size, x), _cells(x.shape[3], size, x)
    return rows @ x @ columns.T


def _cells(length: int, size: int, like: Tensor) -> Tensor:
    """(size, length): what share each pixel has in the mean of each cell."""
    pixel = torch.arange(length, device=like.device)
    cell = torch.arange(size, device=like.device)[:, None]
    start, stop = cell * length // size, ((cell + 1) * length + size - 1) // size
    return (((start <= pixel) & (pixel < stop)) / (stop - start)).to(like.dtype)


def attend(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Attention of (N, C, H, W) to keys and values (N, C, h, w), in ``heads`` groups of channels: (N, C, H, W)."""
    q, k, v = (_per_head(x, heads) for x in (queries, keys, values))
    # On a GPU, of the fused kernels only the one for half precision has a gradient that is the same twice.
    repeatable = q.is_cuda and torch.are_deterministic_algorithms_enabled()
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]) if repeatable else nullcontext():
        means = functional.scaled_dot_product_attention(q, k, v)
    return means.transpose(2, 3).reshape(queries.shape)


def _per_head(x: Tensor, heads: int) -> Tensor:
    """(N, heads, pixels, channels of a head): a view, where channels are last in memory."""
    return torch.unflatten(x, 1, (heads, -1)).flatten(3).transpose(2, 3)


@contextmanager
def batch_statistics(module: nn.Module, wanted: bool) -> Iterator[None]:
    """Lets norms use the batch's statistics inside the block, without touching the running ones."""
    norms = [part for part in module.modules() if isinstance(part, Norm | _BatchNorm)] if wanted else []
    _track(norms, False)
    try:
        yield
    finally:
        _track(norms, True)


def _track(norms: Sequence[Norm | _BatchNorm], tracking: bool) -> None:
    for norm in norms:
        norm.train(not tracking)
        setattr(norm, "tracking" if isinstance(norm, Norm) else "track_running_stats", tracking)
