"""Parts of a model that stay as they are while the rest is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from .layers import Norm
from .runtime import keras


@contextmanager
def held_norms(native: keras.Model, names: Collection[str]) -> Iterator[None]:
    """While tracing inside: norms whose tensors are named use and keep their running statistics in training mode."""
    norms = [layer for layer in native.layers if isinstance(layer, Norm) and f"{layer.name}.running_mean" in names]
    for norm in norms:
        norm.held = True
    try:
        yield
    finally:
        for norm in norms:
            norm.held = False
