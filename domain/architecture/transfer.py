"""Weights taken over from another model: by canonical name, or one that stands for it, where the shapes agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from .graph import IMAGE, Graph
from .operations import Conv
from .published import candidates
from .weights import Weights


@frozen(eq=False)
class Transfer:
    """What a model begins with, and where it is from.

    Attributes:
        weights: every tensor of the new model.
        matched: names taken from the source.
        reinitialised: names the source lacks or has in another shape (the head, when the classes differ): as they were.
        left_over: names of the source whose tensors are not used.
        adapted: names among ``matched`` whose kernels were made for images of other channels.
    """

    weights: Weights
    matched: tuple[str, ...]
    reinitialised: tuple[str, ...]
    left_over: tuple[str, ...]
    adapted: tuple[str, ...] = ()


def transfer(initial: Weights, source: Weights, image_kernels: frozenset[str] = frozenset()) -> Transfer:
    """``initial`` with every tensor replaced that ``source`` has, under its name or one of ``candidates``.

    Shapes must be equal but for axes of length 1 at the end, which linear layers lack beside 1x1 convolutions. The
    kernels that see the image, named by ``image_kernels``, may also be for another number of channels.
    """
    places = _places(initial, source)
    taken: dict[str, NDArray[np.float32]] = {}
    for name, (_, array) in places.items():
        shape = initial[name].shape
        if array.shape == shape:
            taken[name] = array
        elif _core(array.shape) == _core(shape):
            taken[name] = array.reshape(shape)
        elif name in image_kernels and (*array.shape[:1], *array.shape[2:]) == (*shape[:1], *shape[2:]):
            taken[name] = adapted(array, shape[1])
    used = {places[name][0] for name in taken}
    return Transfer(
        weights={name: taken.get(name, array) for name, array in initial.items()},
        matched=tuple(name for name in initial if name in taken),
        reinitialised=tuple(name for name in initial if name not in taken),
        left_over=tuple(name for name in source if name not in used),
        adapted=tuple(name for name in initial if name in taken and taken[name].size != places[name][1].size),
    )


def image_kernels(graph: Graph) -> frozenset[str]:
    """Names of the kernels that see the image itself."""
    return frozenset(
        f"{node.name}.weight" for node in graph.nodes if isinstance(node.operation, Conv) and node.inputs == (IMAGE,)
    )


def adapted(kernel: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """A kernel (out, in, h, w) for images of another number of channels.

    For grey images the sum over the channels, so that they are seen as ones of three equal channels; else the channels
    repeated in turn, scaled so that the result stays as large. The rule of timm's ``adapt_input_conv``.
    """
    if channels == 1:
        return np.asarray(kernel.sum(axis=1, keepdims=True), np.float32)
    given = kernel.shape[1]
    return np.asarray(kernel[:, np.arange(channels) % given] * (given / channels), np.float32)


def _places(initial: Weights, source: Weights) -> Mapping[str, tuple[str, NDArray[np.float32]]]:
    """For names of ours, the source's name and array. A tensor with our own name goes before one with another."""
    places = {name: (name, array) for name, array in source.items() if name in initial}
    for name, array in source.items():
        if name not in places:
            ours = next((other for other in candidates(name) if other in initial), None)
            if ours is not None:
                places.setdefault(ours, (name, array))
    return places


def _core(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape
