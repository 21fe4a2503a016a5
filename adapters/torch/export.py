"""Models in torch's own formats: (N, H, W, C) uint8 in, a tuple of (N, K, H, W) logits out, main one first."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import torch
from torch import Tensor, nn

from ...domain.ports.exporting import Usage
from ...domain.ports.model import Model
from ...domain.spec import ModelSpec


class StateDict:
    """Weights alone, by canonical name: an encoder's are torchvision's, behind "encoder."."""

    backend = "torch"
    suffix = ".pt"

    def write(self, model: Model, path: Path) -> None:
        """See the port. A plain dictionary of tensors, so that it loads without any code."""
        file = io.BytesIO()
        torch.save({name: tensor.contiguous() for name, tensor in model.native.state_dict().items()}, file)
        path.write_bytes(file.getbuffer())

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port."""
        contents = f"{len(spec.graph.weights())} tensors by name, kernels (out, in, height, width)"
        return Usage(contents, f"import torch\nweights = torch.load({str(path)!r}, weights_only=True)")


class TorchScript:
    """A model that runs without segport, from Python and from C++."""

    backend = "torch"
    suffix = ".pt"

    def write(self, model: Model, path: Path) -> None:
        """See the port. Traced: sizes are computed from the images in what is written, too."""
        file = io.BytesIO()
        traced = torch.jit.trace(_for_inference(model), _example(model.spec))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, file)
        path.write_bytes(file.getbuffer())

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port."""
        return _usage(spec, f"torch.jit.load({str(path)!r})")


class TorchExport:
    """A model as a program of torch.export, that runs without segport and can be compiled ahead of time."""

    backend = "torch"
    suffix = ".pt2"

    def write(self, model: Model, path: Path) -> None:
        """See the port. Number, height and width of images stay open."""
        file = io.BytesIO()
        sizes = dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)
        program = torch.export.export(_for_inference(model), (_example(model.spec),), dynamic_shapes=(sizes,))
        torch.export.save(program, file)
        path.write_bytes(file.getbuffer())

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port. The program refuses images whose coarsest features would be a single pixel."""
        usage = _usage(spec, f"torch.export.load({str(path)!r}).module()")
        return Usage(f"{usage.contents}, H and W from {2 * spec.graph.stride} up", usage.load)


def _for_inference(model: Model) -> nn.Module:
    """A copy that needs no gradients, kernels laid out in the order of their axes: torch.export warns of any other."""
    native = copy.deepcopy(model.native).eval().requires_grad_(False)
    module: nn.Module = native.to(memory_format=torch.contiguous_format)
    return module


def _example(spec: ModelSpec) -> Tensor:
    """Images of no special size: torch.export takes a size of 1, or two equal ones, for a rule."""
    stride = spec.graph.stride
    return torch.zeros((2, 3 * stride, 5 * stride, spec.graph.channels), dtype=torch.uint8)


def _usage(spec: ModelSpec, load: str) -> Usage:
    channels, classes = spec.graph.channels, spec.task.outputs(len(spec.classes))
    contents = f"(N, H, W, {channels}) uint8 images in, (N, {classes}, H, W) float32 logits out"
    call = "logits, *others = model(torch.from_numpy(images))"
    return Usage(contents, f"import torch\nmodel = {load}\n{call}")
