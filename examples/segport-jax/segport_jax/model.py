"""The graph as a JAX model: a pure function of weights and images, and the weights beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from segport.domain.architecture.graph import IMAGE
from segport.domain.architecture.operations import Dropout, Norm
from segport.domain.architecture.weights import Weights, own
from segport.domain.arrays import Images, Logits
from segport.domain.ports.backend import Precision
from segport.domain.refusals import check_images, check_spec, check_weights
from segport.domain.samples import Batch
from segport.domain.spec import ModelSpec

from .layers import apply, moments, normalise

Arrays: TypeAlias = dict[str, Array]
"""By canonical name and in canonical layout. Arrays of JAX never change, so sharing one is as good as a copy."""
Fed: TypeAlias = tuple[Array, Array]
"""A batch on the device: images (N, H, W, C) uint8, and labels (N, H, W) uint8 or planes of them."""


class JaxModel:
    """``native`` is ``forward`` of this model, compiled for each size of batch; ``arrays`` are its weights now."""

    def __init__(self, spec: ModelSpec, weights: Weights, place: jax.Device, precision: Precision) -> None:
        check_spec(spec, "jax")
        self.spec, self.device, self.precision = spec, place.platform, precision.value
        self.put = partial(jax.device_put, device=place)  # on a CPU it may be the very same memory
        dtype = jnp.bfloat16 if precision is Precision.BF16 else jnp.float32
        self.native: Any = jax.jit(partial(forward, spec, dtype), static_argnames="held")
        self.load(weights)

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """See the port. Dropout is off in both modes."""
        check_images(self.spec.graph, images)
        held: frozenset[str] | None = frozenset() if training else None
        return [np.array(output) for output in self.native(self.arrays, self.put(images), held=held)[0]]

    def weights(self) -> Weights:
        """A copy, by canonical name, in the graph's order."""
        return {name: np.array(self.arrays[name]) for name in self.spec.graph.weights()}

    def load(self, weights: Weights) -> None:
        """See the port."""
        check_weights(self.spec.graph, weights)
        self.arrays: Arrays = {name: self.put(array.copy()) for name, array in weights.items()}

    def feed(self, batches: Iterable[Batch]) -> Iterator[Fed]:
        """Batches on the device. JAX returns before it is done with one, so the next is made meanwhile."""
        for batch in batches:
            yield self.put(batch.images), self.put(batch.labels)


def forward(
    spec: ModelSpec, dtype: Any, weights: Arrays, images: Array, held: Collection[str] | None = None, key: Any = None
) -> tuple[list[Array], Arrays]:
    """Outputs (N, H, W, K) float32, main one first, of (N, H, W, C) uint8; and the running statistics that moved.

    Norms use the batch's statistics but for those whose running ones are ``held``; None holds all. Dropout needs a key.
    """
    scale, shift = spec.normalisation.linear()
    values, moved = {IMAGE: (images * scale + shift).astype(dtype)}, Arrays()
    for index, node in enumerate(spec.graph.nodes[1:]):
        inputs, arrays = [values[name] for name in node.inputs], own(node.name, weights)
        match node.operation:
            case Norm(epsilon=epsilon, momentum=m) if held is not None and f"{node.name}.running_mean" not in held:
                found, count = moments(inputs[0], (0, 1, 2)), inputs[0].size // inputs[0].shape[3]
                values[node.name] = normalise(inputs[0], *found, arrays, epsilon)
                unbiased = found[1] * (count / max(1, count - 1))
                for suffix, new in (("running_mean", found[0]), ("running_var", unbiased)):
                    moved[f"{node.name}.{suffix}"] = arrays[suffix] + m * (new.ravel() - arrays[suffix])
            case Dropout(rate=rate) if key is not None:
                kept = jax.random.bernoulli(jax.random.fold_in(key, index), 1 - rate, inputs[0].shape)
                values[node.name] = jnp.where(kept, inputs[0] / (1 - rate), 0)
            case operation:
                values[node.name] = apply(operation, inputs, arrays)
    return [values[name].astype(jnp.float32) for name in spec.graph.outputs], moved
