"""The graph as a native ``torch.nn.Module``, drawn through torch.fx: its ``forward`` reads and runs as ordinary code.

Module names are the graph's node names, so ``state_dict`` holds exactly the canonical weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.fx.node import Argument
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...domain.architecture import operations as op
from ...domain.architecture.graph import IMAGE, Graph, Node
from ...domain.architecture.operations import Shape
from ...domain.architecture.weights import Weights, mismatch
from ...domain.arrays import Images, Logits
from ...domain.errors import CheckpointError, InvalidSpecError
from ...domain.ports.backend import Precision
from ...domain.spec import ModelSpec, Normalisation
from .device import DTYPES

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


class Normalise(nn.Module):
    """(N, H, W, C) uint8 pixels to (N, C, H, W) float32, channels-last in memory without a copy to another layout."""

    scale: Tensor
    shift: Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        mean, std = (np.asarray(values, np.float64) for values in (normalisation.mean, normalisation.std))
        for name, values in {"scale": 1.0 / (255.0 * std), "shift": -mean / std}.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1), persistent=False)

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


class TorchModel:
    """A graph as a torch module on a device. ``native`` takes (N, H, W, C) uint8 and gives a tuple of (N, K, H, W)."""

    def __init__(
        self, spec: ModelSpec, weights: Weights, device: torch.device, precision: Precision, *, compiled: bool = False
    ) -> None:
        self._spec, self._device, self._precision = spec, device, precision
        self.native = build_module(spec).to(device)
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
        return TorchModel(self._spec, self.weights(), self._device, self._precision, compiled=self.compiled)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs (N, H, W, K) float32, main one first, for (N, H, W, C) uint8 on the device.

        Training or inference as ``native.training`` says.
        """
        with torch.autocast(self._device.type, DTYPES[self._precision], self._precision is not Precision.FP32):
            outputs = self._forward(images)
        return [output.permute(0, 2, 3, 1).float() for output in outputs]

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """See the port. Dropout is off in both modes. Raises InvalidSpecError for images of other channels."""
        if images.ndim != 4 or images.shape[3] != self._spec.graph.channels:
            raise InvalidSpecError(
                f"Images are (N, H, W, {self._spec.graph.channels}) for this model, not {images.shape}."
            )
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
        problems = mismatch(self._spec.graph, weights)
        if problems:
            raise CheckpointError(
                "The weights do not fit the model; nothing was loaded.",
                problems=problems,
                fix="Build the model from the specification the weights were saved with.",
            )
        state = self.native.state_dict()
        with torch.no_grad():
            for name, array in weights.items():
                state[name].copy_(as_tensor(array))


def build_module(spec: ModelSpec) -> fx.GraphModule:
    """The module of ``spec.graph``, weights not yet set.

    Raises InvalidSpecError for an operation torch has no form of, or a normalisation for other channels.
    """
    graph, normalisation = spec.graph, spec.normalisation
    if {len(normalisation.mean), len(normalisation.std)} != {graph.channels}:
        raise InvalidSpecError(
            f"The normalisation has {len(normalisation.mean)} means and {len(normalisation.std)} deviations,"
            f" but the images have {graph.channels} channels."
        )
    shapes = graph.shapes(*graph.smallest_size())
    modules: dict[str, nn.Module] = {"normalise": Normalise(normalisation)}
    drawing = fx.Graph()
    values = {IMAGE: drawing.call_module("normalise", (drawing.placeholder("images"),))}
    uses = Counter(name for node in graph.nodes for name in node.inputs) + Counter(graph.outputs)
    kinds = {node.name: node.operation.kind for node in graph.nodes}
    for node in graph.nodes[1:]:
        inputs = [values[name] for name in node.inputs]
        layer = _layer(node.operation, [shapes[name] for name in node.inputs])
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


def _lay_out(module: nn.Module) -> None:
    """Kernels channels-last in memory, as their inputs are."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


@contextmanager
def batch_statistics(module: nn.Module, wanted: bool) -> Iterator[None]:
    """Lets norms use the batch's statistics inside the block, without touching the running ones."""
    norms = [part for part in module.modules() if isinstance(part, Norm)] if wanted else []
    for norm in norms:
        norm.training, norm.tracking = True, False
    try:
        yield
    finally:
        for norm in norms:
            norm.training, norm.tracking = False, True


def as_tensor(array: NDArray[np.generic]) -> Tensor:
    """A tensor over the array's own memory, or over a copy where torch could not leave a read-only array unwritten."""
    return torch.from_numpy(array if array.flags.writeable and array.flags.c_contiguous else array.copy())


def as_array(tensor: Tensor) -> NDArray[np.float32]:
    """A float32 copy on the host in C order."""
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32, order="C", copy=True)


def graph_has(graph: Graph, operation: type[op.Operation]) -> bool:
    """Whether any node is of that operation."""
    return any(isinstance(node.operation, operation) for node in graph.nodes)
