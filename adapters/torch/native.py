"""Models that are torch's own code: modules from anywhere, as graphs of a single node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ...domain.architecture.graph import IMAGE, Graph, Node
from ...domain.architecture.native import Native
from ...domain.architecture.operation import WeightSpec
from ...domain.architecture.operations import Input
from ...domain.choices import Choice
from ...domain.errors import InvalidSpecError
from ...domain.ports.catalogue import Options
from ...domain.ports.model import Architecture, NativeArchitecture
from .randomness import seeded

FRAMEWORK = "torch"
MODEL = "model"
"""Name of the node, so all arrays are called "model.<their name in the module>"."""

Architectures = Callable[[str, Options], Architecture | NativeArchitecture]


def unknown(name: str, options: Options) -> NativeArchitecture:
    """Knows no architecture: of a backend that was made without a catalogue."""
    raise InvalidSpecError(
        f"This backend has not been told who makes the model {Choice(name, options)}.",
        fix="Take the backend from a registry or a toolkit, or make it with architectures=registry.architecture.",
    )


def native_graph(architecture: Choice, module: nn.Module, *, channels: int, outputs: int, stride: int = 1) -> Graph:
    """The graph of a module of torch's own, for ``NativeArchitecture.graph``.

    Floating-point parameters and persistent buffers are stored, in a run's checkpoints as elsewhere. Whole numbers are
    not: counters and index tables are as the module makes them.

    Args:
        architecture: the name it is offered by, and all options that ``NativeArchitecture.module`` depends on.
        module: one of them; what its weights are does not matter.
        channels: of the image.
        outputs: logits of each pixel.
        stride: the multiple that height and width must have.

    Raises InvalidSpecError for a parameter that is not trained.
    """
    parameters = dict(module.named_parameters())
    fixed = [name for name, parameter in parameters.items() if not parameter.requires_grad]
    if fixed:
        raise InvalidSpecError(
            f"{architecture}: parameters that need no gradient: {', '.join(fixed[:3])}.", fix="Make them buffers."
        )
    state = {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    arrays = tuple(WeightSpec(name, tuple(array.shape), "own", name in parameters) for name, array in state.items())
    model = Native(FRAMEWORK, str(architecture), outputs, arrays)
    return Graph((Node(IMAGE, Input(channels)), Node(MODEL, model, (IMAGE,))), (MODEL,), stride)


def native_module(graph: Graph, architectures: Architectures, seed: int | None = None) -> nn.Module:
    """The module of a native graph: with a seed the one that training begins with, else one to take weights.

    Torch's own generators stay as they were.

    Raises UnknownNameError where its architecture is not installed, InvalidSpecError where that is no native one.
    """
    assert graph.native is not None
    choice = Choice.of(graph.native.architecture)
    architecture = architectures(choice.name, choice.options)
    if not isinstance(architecture, NativeArchitecture):
        raise InvalidSpecError(f"{choice} makes graphs, and this model is a module of torch's own.")
    with seeded(seed):
        first = seed is not None
        module: nn.Module = architecture.module(channels=graph.channels, outputs=graph.native.channels, first=first)
    return module


def first_weights(graph: Graph, seed: int, architectures: Architectures) -> dict[str, NDArray[np.float32]]:
    """What a native model begins with, as its own code draws or loads it."""
    state = native_module(graph, architectures, seed).state_dict()
    arrays = {name: state[name.removeprefix(f"{MODEL}.")].detach().float().cpu() for name in graph.weights()}
    return {name: np.array(array.numpy(), order="C") for name, array in arrays.items()}
