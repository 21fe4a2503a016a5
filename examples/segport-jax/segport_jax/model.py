"""The graph as a JAX model: a pure function of weights and images, and the weights beside it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import Dropout, Norm
from segport.domain.architecture.weights import Weights
from segport.domain.arrays import AnyArray, Images, Logits
from segport.domain.ports.backend import Precision
from segport.domain.refusals import check_images, check_spec, check_weights
from segport.domain.spec import ModelSpec

from .layers import apply, moments, normalise

Arrays: TypeAlias = dict[str, Array]
"""By canonical name and in canonical layout. Arrays of JAX never change, so sharing one is as good as a copy."""


class JaxModel:
    """``native`` is ``forward`` of this model, compiled for each size of batch; ``arrays`` are its weights now."""

    def __init__(self, spec: ModelSpec, weights: Weights, place: jax.Device, precision: Precision) -> None:
        check_spec(spec)
        self.spec, self.place, self.device, self.precision = spec, place, place.platform, precision.value
        dtype = jnp.bfloat16 if precision is Precision.BF16 else jnp.float32
        self.native: Any = jax.jit(partial(forward, spec, dtype), static_argnames="live")
        self.load(weights)

    def put(self, array: AnyArray) -> Array:
        """An array on the model's device; on a CPU it may be the very same memory."""
        found: Array = jax.device_put(array, self.place)
        return found

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """See the port. Dropout is off in both modes."""
        check_images(self.spec.graph, images)
        live = norms(self.spec) if training else frozenset()
        return [np.array(output) for output in self.native(self.arrays, self.put(images), live=live)[0]]

    def weights(self) -> Weights:
        """A copy, by canonical name, in the graph's order."""
        return {name: np.array(self.arrays[name]) for name in self.spec.graph.weights()}

    def copy(self) -> JaxModel:
        """Another model with the same weights."""
        return JaxModel(self.spec, self.weights(), self.place, Precision(self.precision))

    def load(self, weights: Weights) -> None:
        """See the port."""
        check_weights(self.spec.graph, weights)
        self.arrays: Arrays = {name: self.put(array.copy()) for name, array in weights.items()}


def norms(spec: ModelSpec, held: Collection[str] = ()) -> frozenset[str]:
    """The norms whose running statistics are not among the tensors that are held."""
    nodes = (node.name for node in spec.graph.nodes if isinstance(node.operation, Norm))
    return frozenset(name for name in nodes if f"{name}.running_mean" not in held)


def forward(
    spec: ModelSpec, dtype: Any, weights: Arrays, images: Array, live: Collection[str] = (), key: Array | None = None
) -> tuple[list[Array], Arrays]:
    """Outputs (N, H, W, K) float32, main one first, of (N, H, W, C) uint8; and the statistics of ``live``, moved.

    Norms in ``live`` use the batch's statistics. With a ``key``, dropout is on.
    """
    mean, std = (np.asarray(values) for values in (spec.normalisation.mean, spec.normalisation.std))
    pixels = images * np.float32(1 / (255 * std)) + np.float32(-mean / std)
    values, moved = {IMAGE: pixels.astype(dtype)}, Arrays()
    for index, node in enumerate(spec.graph.nodes[1:]):
        inputs = [values[name] for name in node.inputs]
        suffixes = ("weight", "bias", "running_mean", "running_var")
        held = {suffix: weights[name] for suffix in suffixes if (name := f"{node.name}.{suffix}") in weights}
        match node.operation:
            case Norm(epsilon=epsilon, momentum=momentum) if node.name in live:
                found, count = moments(inputs[0], (0, 1, 2)), inputs[0].size // inputs[0].shape[3]
                values[node.name] = normalise(inputs[0], *found, held, epsilon)
                unbiased = found[1] * (count / max(1, count - 1))
                for suffix, new in zip(suffixes[2:], (found[0], unbiased), strict=True):
                    moved[f"{node.name}.{suffix}"] = held[suffix] + momentum * (new.ravel() - held[suffix])
            case Dropout(rate=rate) if key is not None:
                kept = jax.random.bernoulli(jax.random.fold_in(key, index), 1 - rate, inputs[0].shape)
                values[node.name] = jnp.where(kept, inputs[0] / (1 - rate), 0)
            case operation:
                values[node.name] = apply(operation, inputs, held)
    return [values[name].astype(jnp.float32) for name in spec.graph.outputs], moved
