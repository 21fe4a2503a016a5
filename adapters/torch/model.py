"""The graph as a native ``torch.nn.Module``, drawn through torch.fx: its ``forward`` reads and runs as ordinary code.

Module names are the graph's node names, so ``state_dict`` holds exactly the canonical weights.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.fx.node import Argument
from torch.nn import functional

from ...domain.architecture import operations as op
from ...domain.architecture.graph import IMAGE, Graph, Node
from ...domain.architecture.shapes import Shape
from ...domain.architecture.weights import Weights
from ...domain.arrays import Images, Logits
from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import Precision
from ...domain.refusals import check_images, check_spec, check_weights
from ...domain.spec import ModelSpec
from ..triton import load_triton
from .device import DTYPES
from .layers import (
    LayerNorm,
    LayerScale,
    Norm,
    Normalise,
    attend,
    batch_statistics,
    grid_mean,
    resize,
    spatial_size,
)
from .native import FRAMEWORK, Architectures, native_module, unknown

_FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "gelu": functional.gelu,
    "hardswish": functional.hardswish,
    "leaky_relu": functional.leaky_relu,
}
_IN_PLACE = {"relu", "relu6", "leaky_relu"}
_OVERWRITABLE = ("conv", "norm", "add", "concat")
"""Operations whose gradient does not need their own result, so an activation may overwrite it."""


class TorchModel:
    """A graph as a torch module on a device. ``native`` takes (N, H, W, C) uint8 and gives a tuple of (N, K, H, W)."""

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        device: torch.device,
        precision: Precision,
        *,
        compiled: bool = False,
        architectures: Architectures = unknown,
    ) -> None:
        if "tensorflow" in sys.modules:  # torch imports triton as soon as it trains, compiles or exports
            load_triton()
        self._spec, self._device, self._precision, self._architectures = spec, device, precision, architectures
        self.native = build_module(spec, architectures).to(device)
        _lay_out(self.native)
        self._forward = torch.compile(self.native) if compiled else self.native
        self.compiled = compiled
        self.load(weights)

    @property
    def spec(self) -> ModelSpec:
        """What the model was built from."""
        return self._spec

    @property
    def device(self) -> str:
        """torch's name of the device."""
        return str(self._device)

    @property
    def precision(self) -> str:
        """Precision of the forward pass, never "auto"."""
        return self._precision.value

    @property
    def torch_device(self) -> torch.device:
        """The device itself."""
        return self._device

    def copy(self) -> TorchModel:
        """Another model of the same weights, that shares nothing with this one."""
        return TorchModel(
            self._spec,
            self.weights(),
            self._device,
            self._precision,
            compiled=self.compiled,
            architectures=self._architectures,
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs (N, H, W, K) float32, main one first, for (N, H, W, C) uint8 on the device.

        Training or inference as ``native.training`` says.
        """
        with torch.autocast(self._device.type, DTYPES[self._precision], self._precision is not Precision.FP32):
            outputs = self._forward(images)
        return [output.permute(0, 2, 3, 1).float() for output in outputs]

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """See the port. Dropout is off in both modes. Raises InvalidSpecError for images of other channels."""
        check_images(self._spec.graph, images)
        self.native.eval()
        pixels = as_tensor(images).to(self._device)
        with torch.inference_mode(), batch_statistics(self.native, training):
            return [np.ascontiguousarray(output.cpu().numpy()) for output in self.forward(pixels)]

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """A copy, by canonical name and in canonical layout, in the graph's order."""
        state = self.native.state_dict()
        return {name: as_array(state[name]) for name in self._spec.graph.weights()}

    def load(self, weights: Weights) -> None:
        """See the port."""
        check_weights(self._spec.graph, weights)
        state = self.native.state_dict()
        with torch.no_grad():
            for name, array in weights.items():
                state[name].copy_(as_tensor(array))


def build_module(spec: ModelSpec, architectures: Architectures = unknown) -> fx.GraphModule:
    """The module of ``spec.graph``, weights not yet set; ``architectures`` make what is torch's own code.

    Raises InvalidSpecError for an operation torch has no form of, or a normalisation for other channels.
    """
    check_spec(spec, FRAMEWORK)
    graph, normalisation = spec.graph, spec.normalisation
    shapes = graph.shapes(*graph.smallest_size())
    modules: dict[str, nn.Module] = {"normalise": Normalise(normalisation)}
    drawing = fx.Graph()
    values = {IMAGE: drawing.call_module("normalise", (drawing.placeholder("images"),))}
    uses = Counter(name for node in graph.nodes for name in node.inputs) + Counter(graph.outputs)
    kinds = {node.name: node.operation.kind for node in graph.nodes}
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        own = native_module(graph, architectures) if isinstance(node.operation, op.Native) else None
        layer = own or _layer(node.operation, [shapes[name] for name in node.inputs])
        if layer is not None:
            modules[node.name] = layer
            values[node.name] = drawing.call_module(node.name, tuple(inputs))
            continue
        source = node.inputs[0]
        overwrite = uses[source] == 1 and kinds[source] in _OVERWRITABLE
        values[node.name] = _call(drawing, node, inputs, overwrite)
    drawing.output(tuple(values[name] for name in graph.outputs))
    return fx.GraphModule(modules, drawing, class_name="SegmentationModel")


def _layer(operation: op.Operation, shapes: Sequence[Shape]) -> nn.Module | None:
    match operation:
        case op.Conv():
            # Made without storage first: drawing weights would take time and move torch's own random state.
            convolution = nn.Conv2d(
                shapes[0][0],
                operation.channels,
                operation.kernel,
                operation.stride,
                operation.padding,
                operation.dilation,
                operation.groups,
                operation.bias,
                device="meta",
            )
            return convolution.to_empty(device="cpu")
        case op.Norm():
            return Norm(shapes[0][0], operation.epsilon, operation.momentum)
        case op.LayerNorm():
            return LayerNorm(shapes[0][0], operation.epsilon)
        case op.LayerScale():
            return LayerScale(shapes[0][0])
        case op.Dropout():
            return nn.Dropout(operation.rate)
        case op.MaxPool():
            return nn.MaxPool2d(operation.kernel, operation.stride, operation.padding)
    return None


def _call(drawing: fx.Graph, node: Node, inputs: list[fx.Node], overwrite: bool) -> fx.Node:
    match node.operation:
        case op.Activation(function=name) if name in _FUNCTIONS:
            options: dict[str, Argument] = {"inplace": True} if overwrite and name in _IN_PLACE else {}
            return drawing.call_function(_FUNCTIONS[name], (inputs[0],), options)
        case op.GlobalPool():
            return drawing.call_method("mean", (inputs[0], (2, 3)), {"keepdim": True})
        case op.GridPool(size=cells):
            return drawing.call_function(grid_mean, (inputs[0], cells))
        case op.Resize(mode=mode):
            target = drawing.call_function(spatial_size, (inputs[1],))
            return drawing.call_function(resize, (inputs[0], target, mode))
        case op.Concat():
            return drawing.call_function(torch.cat, (inputs, 1))
        case op.Add():
            return _total(drawing, inputs)
        case op.Average():
            return drawing.call_function(torch.div, (_total(drawing, inputs), len(inputs)))
        case op.Multiply():
            return drawing.call_function(torch.mul, (inputs[0], inputs[1]))
        case op.Attention(heads=heads):
            return drawing.call_function(attend, (*inputs, heads))
    raise InvalidSpecError(f"Node {node.name!r}: torch has no form of {node.operation!r}.")


def _total(drawing: fx.Graph, inputs: Sequence[fx.Node]) -> fx.Node:
    total = inputs[0]
    for other in inputs[1:]:
        total = drawing.call_function(torch.add, (total, other))
    return total


def _lay_out(module: nn.Module) -> None:
    """Kernels channels-last in memory, as their inputs are."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def as_tensor(array: NDArray[np.generic]) -> Tensor:
    """A tensor over the array's own memory, or over a copy where torch could not leave a read-only array unwritten."""
    return torch.from_numpy(array if array.flags.writeable and array.flags.c_contiguous else array.copy())


def as_array(tensor: Tensor) -> NDArray[np.float32]:
    """A float32 copy on the host in C order."""
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32, order="C", copy=True)


def graph_has(graph: Graph, *operations: type[op.Operation]) -> bool:
    """Whether any node is of one of these operations."""
    return any(isinstance(node.operation, operations) for node in graph.nodes)
