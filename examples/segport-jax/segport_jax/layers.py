"""The graph's operations on (N, H, W, C) arrays. Kernels stay as they travel, (out, in, height, width)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import jax
import jax.numpy as jnp
from jax import Array, lax

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
            return jnp.asarray(lax.reduce_window(x, -jnp.inf, lax.max, (1, k, k, 1), (1, s, s, 1), around))
        case op.GlobalPool():
            return x.mean((1, 2), keepdims=True)
        case op.GridPool(size=size):
            return _blend(x, *(_cells(length, size) for length in x.shape[1:3]))
        case op.Resize(mode=mode):
            # Of a line of pixels, each of its own: what share each has in the result. Gradients are products as well.
            lines = ((jnp.eye(x.shape[axis]), (inputs[1].shape[axis], x.shape[axis])) for axis in (1, 2))
            return _blend(x, *(jax.image.resize(*line, mode, antialias=False) for line in lines))
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
    around, strides, apart = [(conv.padding, conv.padding)] * 2, (conv.stride,) * 2, (conv.dilation,) * 2
    kernel, layout = held["weight"].astype(x.dtype), ("NHWC", "OIHW", "NHWC")
    result = lax.conv_general_dilated(x, kernel, strides, around, None, apart, layout, conv.groups)
    return result + held["bias"].astype(x.dtype) if conv.bias else result


def _blend(x: Array, rows: Array, columns: Array) -> Array:
    """Resized by two matrices of shares, (target, source) each."""
    along = jnp.einsum("yh,nhwc->nywc", rows.astype(x.dtype), x, precision="highest")
    return jnp.einsum("xw,nywc->nyxc", columns.astype(x.dtype), along, precision="highest")


def _cells(length: int, size: int) -> Array:
    cell, pixel = jnp.arange(size)[:, None], jnp.arange(length)
    start, stop = cell * length // size, -(-(cell + 1) * length // size)
    return ((start <= pixel) & (pixel < stop)) / (stop - start)
