"""The graph's operations on (N, H, W, C) arrays. Kernels stay as they travel, (out, in, height, width)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from segport.domain.architecture import operations as op
from segport.domain.errors import InvalidSpecError

FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "silu": jax.nn.silu,
    "sigmoid": jax.nn.sigmoid,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "hardswish": jax.nn.hard_swish,
    "leaky_relu": jax.nn.leaky_relu,
}


def apply(operation: op.Operation, inputs: Sequence[Array], held: Mapping[str, Array]) -> Array:
    """What an operation makes of its inputs and of the weights it holds, by suffix."""
    x = inputs[0]
    match operation:
        case op.Conv():
            return _convolve(operation, x, held)
        case op.Norm(epsilon=epsilon):
            return normalise(x, held["running_mean"], held["running_var"], held, epsilon)
        case op.LayerNorm(epsilon=epsilon):
            return normalise(x, *moments(x, -1), held, epsilon)
        case op.LayerScale():
            return x * held["weight"].astype(x.dtype)
        case op.Activation(function=name) if name in FUNCTIONS:
            return FUNCTIONS[name](x)
        case op.MaxPool(kernel=k, stride=s, padding=p):
            around = ((0, 0), (p, p), (p, p), (0, 0))
            pooled: Array = lax.reduce_window(x, -jnp.inf, lax.max, (1, k, k, 1), (1, s, s, 1), around)
            return pooled
        case op.GlobalPool():
            return x.mean((1, 2), keepdims=True)
        case op.GridPool(size=size):
            return _blend(x, *(_cells(length, size) for length in x.shape[1:3]))
        case op.Resize(mode=mode):
            shares = _bilinear if mode == "bilinear" else _nearest
            return _blend(x, *(shares(x.shape[axis], inputs[1].shape[axis]) for axis in (1, 2)))
        case op.Concat():
            return jnp.concatenate(inputs, -1)
        case op.Add():
            return reduce(jnp.add, inputs)
        case op.Average():
            return reduce(jnp.add, inputs) / len(inputs)
        case op.Multiply():
            return x * inputs[1]
        case op.Attention(heads=heads):
            queries, keys, values = (part.reshape(len(x), -1, heads, x.shape[3] // heads) for part in inputs)
            return jax.nn.dot_product_attention(queries, keys, values).reshape(x.shape)
        case op.Dropout():
            return x
    raise InvalidSpecError(f"JAX has no form of {operation!r}.")


def moments(x: Array, axes: int | tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and biased variance over some axes, in float32."""
    exact = x.astype(jnp.float32)
    return exact.mean(axes, keepdims=True), exact.var(axes, keepdims=True)


def normalise(x: Array, mean: Array, variance: Array, held: Mapping[str, Array], epsilon: float) -> Array:
    """(x - mean) / sqrt(variance + epsilon), scaled and shifted, in float32."""
    factor = lax.rsqrt(variance + epsilon) * held["weight"]
    return ((x.astype(jnp.float32) - mean) * factor + held["bias"]).astype(x.dtype)


def _convolve(conv: op.Conv, x: Array, held: Mapping[str, Array]) -> Array:
    result = lax.conv_general_dilated(
        x,
        held["weight"].astype(x.dtype),
        window_strides=(conv.stride, conv.stride),
        padding=[(conv.padding, conv.padding)] * 2,
        rhs_dilation=(conv.dilation, conv.dilation),
        dimension_numbers=("NHWC", "OIHW", "NHWC"),
        feature_group_count=conv.groups,
    )
    return result + held["bias"].astype(x.dtype) if conv.bias else result


def _blend(x: Array, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Array:
    """Resized by two matrices of shares, (target, source) each: their gradients are products as well."""
    along = jnp.einsum("yh,nhwc->nywc", jnp.asarray(rows, x.dtype), x, precision="highest")
    return jnp.einsum("xw,nywc->nyxc", jnp.asarray(columns, x.dtype), along, precision="highest")


def _bilinear(length: int, target: int) -> NDArray[np.float64]:
    position = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
    shares: NDArray[np.float64] = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(length)))
    return shares


def _nearest(length: int, target: int) -> NDArray[np.float64]:
    source = (2 * np.arange(target) + 1) * length // (2 * target)
    return np.equal(source[:, None], np.arange(length)).astype(np.float64)


def _cells(length: int, size: int) -> NDArray[np.float64]:
    cell, pixel = np.arange(size)[:, None], np.arange(length)
    start, stop = cell * length // size, -(-(cell + 1) * length // size)
    return ((start <= pixel) & (pixel < stop)) / (stop - start)
