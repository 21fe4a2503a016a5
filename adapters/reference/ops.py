"""The graph's operations in NumPy, written to be read: what every backend's version is compared with.

Arrays are (N, C, H, W) of float32 or float64; results have the dtype of the first input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

_BAND = 1 << 20  # bytes of windows gathered at a time: few enough to be in the cache when they are multiplied


def convolve(
    x: Floats, weight: Floats, bias: Floats | None, *, stride: int, padding: int, dilation: int, groups: int
) -> Floats:
    """Cross-correlation with zero padding. ``weight`` is (out, in / groups, k, k), ``bias`` (out,)."""
    windows = _windows(x, weight.shape[-1], stride, padding, dilation, fill=0.0).transpose(0, 1, 4, 5, 2, 3)
    images, height, width = len(x), *windows.shape[4:]
    kernels = weight.reshape(groups, -1, weight[0].size)  # (groups, out / groups, in / groups * k * k)
    result = np.empty((images, groups, kernels.shape[1], height, width), x.dtype)
    rows = max(1, _BAND // windows[..., 0, :].nbytes)
    for top in range(0, height, rows):
        band = windows[..., top : top + rows, :]
        columns = band.reshape(images, groups, kernels.shape[2], -1)
        result[..., top : top + rows, :] = (kernels @ columns).reshape(*result.shape[:3], -1, width)
    flat: Floats = result.reshape(images, -1, height, width)
    return flat if bias is None else flat + bias[:, None, None]


def max_pool(x: Floats, *, kernel: int, stride: int, padding: int) -> Floats:
    """Largest value of each window; the padding is minus infinity."""
    result: Floats = _windows(x, kernel, stride, padding, 1, fill=-math.inf).max(axis=(4, 5))
    return result


def normalise(x: Floats, mean: Floats, variance: Floats, scale: Floats, shift: Floats, epsilon: float) -> Floats:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, all but ``x`` (C,). Ioffe and Szegedy 2015, 1502.03167."""
    factor = scale / np.sqrt(variance + x.dtype.type(epsilon))
    return (x - mean[:, None, None]) * factor[:, None, None] + shift[:, None, None]


def batch_statistics(x: Floats) -> tuple[Floats, Floats]:
    """Mean and biased variance of each channel over images and pixels: what a norm uses while training."""
    return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))


def normalise_channels(x: Floats, scale: Floats, shift: Floats, epsilon: float) -> Floats:
    """As ``normalise``, by the mean and biased variance of each pixel's channels. Ba et al. 2016, 1607.06450."""
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    factor = scale[:, None, None] / np.sqrt(variance + x.dtype.type(epsilon))
    result: Floats = (x - mean) * factor + shift[:, None, None]
    return result


def resize(x: Floats, size: tuple[int, int], mode: str) -> Floats:
    """Half-pixel bilinear without antialias, or centre-aligned nearest, to (height, width)."""
    along = _bilinear if mode == "bilinear" else _nearest
    return along(along(x, 2, size[0]), 3, size[1])


def global_mean(x: Floats) -> Floats:
    """Mean over all pixels: (N, C, 1, 1)."""
    result: Floats = x.mean(axis=(2, 3), keepdims=True)
    return result


def grid_mean(x: Floats, size: int) -> Floats:
    """Mean over every cell of a grid: (N, C, size, size). See ``domain.architecture.operations.GridPool``."""
    for axis in (2, 3):
        length = x.shape[axis]
        cells = [range(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        x = np.stack([x.take(cell, axis).mean(axis) for cell in cells], axis)
    return x


def attend(queries: Floats, keys: Floats, values: Floats, heads: int) -> Floats:
    """Means of values, weighed by the softmax over keys. See ``domain.architecture.operations.Attention``."""
    q, k, v = (x.reshape(len(x), heads, x.shape[1] // heads, -1) for x in (queries, keys, values))
    scores = q.transpose(0, 1, 3, 2) @ k / math.sqrt(q.shape[2])  # (N, heads, pixels of queries, pixels of keys)
    weights = np.exp(scores - scores.max(axis=3, keepdims=True))
    weights /= weights.sum(axis=3, keepdims=True)
    means: Floats = v @ weights.transpose(0, 1, 3, 2)
    return means.reshape(queries.shape).astype(queries.dtype, copy=False)


def activate(x: Floats, function: str) -> Floats:
    """One of ``domain.architecture.operations.FUNCTIONS``."""
    return _FUNCTIONS[function](x).astype(x.dtype, copy=False)


def _windows(x: Floats, kernel: int, stride: int, padding: int, dilation: int, *, fill: float) -> Floats:
    """Every window as a view: (N, C, H', W', kernel, kernel)."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=fill)
    reach = dilation * (kernel - 1) + 1
    windows = sliding_window_view(padded, (reach, reach), axis=(2, 3))
    return windows[:, :, ::stride, ::stride, ::dilation, ::dilation]


def _bilinear(x: Floats, axis: int, target: int) -> Floats:
    length = x.shape[axis]
    if length == target:
        return x
    position = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
    low = np.floor(position).astype(np.intp)
    high = np.minimum(low + 1, length - 1)
    share = (position - low).astype(x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    result: Floats = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    return result


def _nearest(x: Floats, axis: int, target: int) -> Floats:
    # floor((i + 1/2) * length / target), in whole numbers so that no rounding decides
    result: Floats = x.take((2 * np.arange(target) + 1) * x.shape[axis] // (2 * target), axis)
    return result


def _sigmoid(x: Floats) -> Floats:
    small = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


_erf = np.vectorize(math.erf, otypes=[np.float64])

_FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "gelu": lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "leaky_relu": lambda x: np.where(x >= 0, x, x * x.dtype.type(0.01)),
}
