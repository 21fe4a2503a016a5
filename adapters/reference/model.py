"""A graph run by NumPy: slow, plain, and the oracle for every backend's model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np

from ...domain.architecture import operations as op
from ...domain.architecture.graph import IMAGE, Graph, Node
from ...domain.architecture.weights import Weights, own
from ...domain.arrays import Images, Logits
from ...domain.errors import InvalidSpecError
from ...domain.refusals import check_images, check_spec, check_weights
from ...domain.spec import ModelSpec, Normalisation
from . import ops

Precise: TypeAlias = type[np.float32] | type[np.float64]


class NumpyModel:
    """``ports.model.Model`` in NumPy.

    Args:
        spec: graph and normalisation.
        weights: by canonical name; CheckpointError when they do not fit.
        dtype: of the arithmetic, float32 or float64. Logits are float32 either way.
    """

    device = "cpu"
    precision = "fp32"

    def __init__(self, spec: ModelSpec, weights: Weights, dtype: Precise = np.float32) -> None:
        check_spec(spec, "reference")
        self.spec = spec
        self._dtype = dtype
        self.load(weights)

    @property
    def native(self) -> Graph:
        """The graph itself: there is no other form of it here."""
        return self.spec.graph

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """Every output as (N, H, W, K) for (N, H, W, C) uint8 images.

        ``training`` uses batch statistics in norms, and leaves the running ones alone. Dropout is the identity always:
        a reference has nothing random in it.
        """
        check_images(self.spec.graph, images)
        alone = not training and len(images) > 1  # one at a time holds less, and norms need no more
        parts = (
            [self._outputs(image[None], training) for image in images] if alone else [self._outputs(images, training)]
        )
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _outputs(self, images: Images, training: bool) -> list[Logits]:
        values = run(self.spec.graph, self._weights, normalised(images, self.spec.normalisation, self._dtype), training)
        outputs = [np.moveaxis(values[name], 1, 3) for name in self.spec.graph.outputs]
        return [np.ascontiguousarray(output, dtype=np.float32) for output in outputs]

    def weights(self) -> Weights:
        """A copy, by canonical name."""
        return {name: array.copy() for name, array in self._weights.items()}

    def load(self, weights: Weights) -> None:
        """Takes a copy of ``weights``. Raises CheckpointError listing all that do not fit; then nothing has changed."""
        check_weights(self.spec.graph, weights)
        self._weights = {name: np.array(array) for name, array in weights.items()}


def normalised(images: Images, normalisation: Normalisation, dtype: Precise = np.float32) -> ops.Floats:
    """(pixel / 255 - mean) / std, as (N, C, H, W)."""
    pixels: ops.Floats = np.asarray(images, dtype)
    mean: ops.Floats = np.asarray(normalisation.mean, dtype)
    std: ops.Floats = np.asarray(normalisation.std, dtype)
    return np.moveaxis((pixels / 255 - mean) / std, 3, 1)


def run(graph: Graph, weights: Weights, image: ops.Floats, training: bool = False) -> dict[str, ops.Floats]:
    """The value of every node by name, for a normalised (N, C, H, W) image; in the image's dtype."""
    graph.shapes(*image.shape[2:])  # names the node that cannot take this size
    values: dict[str, ops.Floats] = {IMAGE: image}
    for node in graph.nodes[1:]:
        held = {suffix: array.astype(image.dtype, copy=False) for suffix, array in own(node.name, weights).items()}
        values[node.name] = _apply(node, [values[i] for i in node.inputs], held, training)
    return values


def _apply(node: Node, inputs: list[ops.Floats], held: Mapping[str, ops.Floats], training: bool) -> ops.Floats:
    x = inputs[0]
    match node.operation:
        case op.Conv(stride=stride, padding=padding, dilation=dilation, groups=groups):
            sizes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            return ops.convolve(x, held["weight"], held.get("bias"), **sizes)
        case op.Norm(epsilon=epsilon):
            mean, variance = ops.batch_statistics(x) if training else (held["running_mean"], held["running_var"])
            return ops.normalise(x, mean, variance, held["weight"], held["bias"], epsilon)
        case op.LayerNorm(epsilon=epsilon):
            return ops.normalise_channels(x, held["weight"], held["bias"], epsilon)
        case op.LayerScale():
            return x * held["weight"][:, None, None]
        case op.Activation(function=function):
            return ops.activate(x, function)
        case op.MaxPool(kernel=kernel, stride=stride, padding=padding):
            return ops.max_pool(x, kernel=kernel, stride=stride, padding=padding)
        case op.GlobalPool():
            return ops.global_mean(x)
        case op.GridPool(size=size):
            return ops.grid_mean(x, size)
        case op.Resize(mode=mode):
            return ops.resize(x, (inputs[1].shape[2], inputs[1].shape[3]), mode)
        case op.Concat():
            return np.concatenate(inputs, axis=1)
        case op.Add():
            return reduce(np.add, inputs)
        case op.Average():
            return reduce(np.add, inputs) / len(inputs)
        case op.Multiply():
            return x * inputs[1]
        case op.Attention(heads=heads):
            return ops.attend(x, inputs[1], inputs[2], heads)
        case op.Dropout():
            return x
    raise InvalidSpecError(f"Node {node.name!r}: the reference has no operation {node.operation.kind!r}.")
