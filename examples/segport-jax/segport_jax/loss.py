"""The operation table on JAX arrays, mostly JAX's own functions: every loss formula runs through it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


class JaxOps:
    """``TensorOps[jax.Array]``; stateless. See the port for what each function means."""

    reshape = staticmethod(jnp.reshape)
    shape = staticmethod(jnp.shape)
    exp = staticmethod(jnp.exp)
    log = staticmethod(jnp.log)
    absolute = staticmethod(jnp.abs)
    maximum = staticmethod(jnp.maximum)
    minimum = staticmethod(jnp.minimum)
    where: Any = staticmethod(jnp.where)  # JAX has a second form of it, with one argument
    sigmoid = staticmethod(jax.nn.sigmoid)
    softplus = staticmethod(jax.nn.softplus)
    softmax = staticmethod(jax.nn.softmax)
    log_softmax = staticmethod(jax.nn.log_softmax)
    sum = staticmethod(jnp.sum)
    cumulative_sum = staticmethod(jnp.cumsum)
    take = staticmethod(jnp.take_along_axis)
    unstack = staticmethod(partial(jnp.unstack, axis=-1))
    stop_gradient = staticmethod(jax.lax.stop_gradient)
    constant = staticmethod(lambda values, like: jnp.array(values, like.dtype))
    cast = staticmethod(lambda x, like: x.astype(like.dtype))
    one_hot = staticmethod(lambda labels, classes, like: jax.nn.one_hot(labels, classes, dtype=like.dtype))

    def pick(self, x: Array, labels: Array) -> Array:
        """By comparison: the gradient of a gather is a scatter, which is slow."""
        return jnp.where(labels[..., None] == jnp.arange(x.shape[-1]), x, 0).sum(-1)

    def sort_descending(self, x: Array, axis: int) -> tuple[Array, Array]:
        """Stable."""
        order = jnp.argsort(x, axis, stable=True, descending=True)
        return jnp.take_along_axis(x, order, axis), order


OPS = JaxOps()
