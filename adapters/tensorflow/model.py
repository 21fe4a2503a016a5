"""The graph as a native functional ``keras.Model``: uint8 images in, logits out, normalisation inside.

Layer names are the graph's node names; kernels are (h, w, in, out) inside and (out, in, h, w) at the border.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ...domain.architecture import operations as op
from ...domain.architecture.graph import IMAGE, Graph, Node
from ...domain.architecture.weights import Weights
from ...domain.arrays import Images, Logits
from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import Precision
from ...domain.refusals import check_images, check_spec, check_weights
from ...domain.spec import ModelSpec
from .device import POLICIES
from .freezing import batch_statistics_only
from .layers import (
    Attention,
    Dropout,
    GridPool,
    LayerNorm,
    LayerScale,
    MaxPool,
    Norm,
    Normalise,
    Resize,
    WideConv,
)
from .runtime import keras, tf

layers = keras.layers

_ACTIVATIONS: Mapping[str, str] = {"hardswish": "hard_silu"}
"""Keras's names where they are not ours."""


@frozen(eq=False)
class Tensor:
    """One array of a model: TensorFlow's variable, and its canonical layout."""

    variable: tf.Variable
    kernel: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """In canonical layout."""
        return self.to_canonical(np.empty(self.variable.shape, np.bool_)).shape

    def to_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """(h, w, in, out) to (out, in, h, w) for kernels."""
        return array.transpose(3, 2, 0, 1) if self.kernel else array

    def from_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """The inverse."""
        return array.transpose(2, 3, 1, 0) if self.kernel else array


class TensorflowModel:
    """A graph as a Keras model on a device. ``native`` takes (N, H, W, C) uint8, gives a list of (N, H, W, K)."""

    def __init__(
        self, spec: ModelSpec, weights: Weights, device: str, precision: Precision, *, jit_compile: bool = False
    ) -> None:
        self._spec, self._device, self._precision = spec, device, precision
        self.jit_compile = jit_compile
        with tf.device(device):
            self.native = build_model(spec, precision)
        self.tensors = _tensors(self.native, spec.graph)
        self.images = tf.TensorSpec((None, None, None, spec.graph.channels), tf.uint8)
        self.infer = trace_once(self._infer, [self.images], jit_compile)
        self._statistics = trace_once(self._with_statistics, [self.images], jit_compile)
        self.load(weights)

    @property
    def spec(self) -> ModelSpec:
        """What the model was built from."""
        return self._spec

    @property
    def device(self) -> str:
        """Our name of the device: "cpu", "gpu:0"."""
        return self._device

    @property
    def precision(self) -> str:
        """Precision of the forward pass, never "auto"."""
        return self._precision.value

    def copy(self) -> TensorflowModel:
        """Another model of the same weights, that shares nothing with this one."""
        jit = self.jit_compile
        return TensorflowModel(self._spec, self.weights(), self._device, self._precision, jit_compile=jit)

    def forward(self, images: tf.Tensor, *, training: bool) -> list[tf.Tensor]:
        """Outputs (N, H, W, K) float32, main one first, for (N, H, W, C) uint8. To be traced."""
        outputs = keras.tree.flatten(self.native(images, training=training))
        return [tf.cast(output, tf.float32) for output in outputs]

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """See the port. Dropout is off in both modes. Raises InvalidSpecError for images of other channels."""
        check_images(self._spec.graph, images)
        run = self._statistics if training else self.infer
        with tf.device(self._device):
            return [output.numpy() for output in run(tf.convert_to_tensor(images))]

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """A copy, by canonical name and in canonical layout, in the graph's order."""
        return {name: read(tensor, tensor.variable) for name, tensor in self.tensors.items()}

    def load(self, weights: Weights) -> None:
        """See the port."""
        check_weights(self._spec.graph, weights)
        for name, array in weights.items():
            tensor = self.tensors[name]
            tensor.variable.assign(tensor.from_canonical(array))

    def _infer(self, images: tf.Tensor) -> list[tf.Tensor]:
        return self.forward(images, training=False)

    def _with_statistics(self, images: tf.Tensor) -> list[tf.Tensor]:
        with batch_statistics_only(self.native):
            return self.forward(images, training=True)


def trace_once(function: Callable[..., Any], signature: Sequence[tf.TensorSpec], jit_compile: bool = False) -> Any:
    """A ``tf.function`` that is traced once, at its first call, for all arguments of that signature.

    It hides behind a ``partial``: TensorFlow counts traces by code, and would warn of a retrace when a process builds
    its fifth model.
    """
    return tf.function(
        functools.partial(function), input_signature=signature, autograph=False, jit_compile=jit_compile or None
    )


def read(tensor: Tensor, variable: tf.Variable) -> NDArray[np.float32]:
    """A float32 copy of a variable shaped as ``tensor``'s, on the host, in canonical layout and C order."""
    return np.ascontiguousarray(tensor.to_canonical(variable.numpy()), np.float32)


def build_model(spec: ModelSpec, precision: Precision = Precision.FP32) -> keras.Model:
    """The model of ``spec.graph``, weights not yet set.

    Raises InvalidSpecError for an operation TensorFlow has no form of, or a normalisation for other channels.
    """
    check_spec(spec, "tensorflow")
    graph, normalisation = spec.graph, spec.normalisation
    images = keras.Input((None, None, graph.channels), dtype="uint8", name="images")
    values = {IMAGE: Normalise(normalisation.mean, normalisation.std, name=IMAGE)(images)}
    for node in graph.nodes[1:]:
        values[node.name] = _call(node, [values[name] for name in node.inputs], POLICIES[precision])
    return keras.Model(images, [values[name] for name in graph.outputs], name="segmentation")


def _call(node: Node, inputs: Sequence[keras.KerasTensor], policy: str) -> keras.KerasTensor:
    options = {"name": node.name, "dtype": policy}
    match node.operation:
        case op.Conv():
            return _convolve(node.operation, inputs[0], options)
        case op.Norm(epsilon=epsilon, momentum=momentum):
            return Norm(epsilon, momentum, **options)(inputs[0])
        case op.LayerNorm(epsilon=epsilon):
            return LayerNorm(epsilon, **options)(inputs[0])
        case op.LayerScale():
            return LayerScale(**options)(inputs[0])
        case op.Activation(function="leaky_relu"):
            return layers.LeakyReLU(0.01, **options)(inputs[0])
        case op.Activation(function=name):
            return layers.Activation(_ACTIVATIONS.get(name, name), **options)(inputs[0])
        case op.MaxPool(kernel=kernel, stride=stride, padding=padding):
            return MaxPool(kernel, stride, padding, **options)(inputs[0])
        case op.GlobalPool():
            # A mean of thousands of pixels needs more digits than half precision has.
            return layers.GlobalAveragePooling2D(keepdims=True, name=node.name, dtype="float32")(inputs[0])
        case op.GridPool(size=size):
            return GridPool(size, **options)(inputs[0])
        case op.Resize(mode=mode):
            return Resize(mode, **options)(inputs)
        case op.Concat():
            return layers.Concatenate(**options)(inputs)
        case op.Add():
            return layers.Add(**options)(inputs)
        case op.Average():
            return layers.Average(**options)(inputs)
        case op.Multiply():
            return layers.Multiply(**options)(inputs)
        case op.Attention(heads=heads):
            return Attention(heads, **options)(inputs)
        case op.Dropout(rate=rate):
            return Dropout(rate, **options)(inputs[0])
    raise InvalidSpecError(f"Node {node.name!r}: TensorFlow has no form of {node.operation!r}.")


def _convolve(conv: op.Conv, x: keras.KerasTensor, options: Mapping[str, Any]) -> keras.KerasTensor:
    """Pads by hand: with a stride, "same" pads more below and right than above and left."""
    if conv.groups > 1 or conv.dilation > 1:
        sizes = (conv.kernel, conv.stride, conv.padding, conv.dilation, conv.groups)
        return WideConv(conv.channels, *sizes, conv.bias, **options)(x)
    if conv.padding:
        x = layers.ZeroPadding2D(conv.padding, name=f"{options['name']}.padding", dtype=options["dtype"])(x)
    # Drawing first values would take time: the weights are loaded right after.
    start = {"use_bias": conv.bias, "kernel_initializer": "zeros"}
    return layers.Conv2D(conv.channels, conv.kernel, conv.stride, "valid", **start, **options)(x)


def _tensors(native: keras.Model, graph: Graph) -> dict[str, Tensor]:
    """Every array by canonical name, in the graph's order."""
    found = {}
    for name in graph.weights():
        node, suffix = name.rsplit(".", 1)
        layer = native.get_layer(node)
        kernel = suffix == "weight" and hasattr(layer, "kernel")
        found[name] = Tensor(getattr(layer, "kernel" if kernel else suffix).value, kernel)
    return found
