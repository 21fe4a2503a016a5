"""Parts of a model that stay as they are while the rest is trained, or while nothing is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from .layers import Dropout, Norm
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


@contextmanager
def batch_statistics_only(native: keras.Model) -> Iterator[None]:
    """While tracing inside: training mode neither tracks running statistics nor drops values out."""
    norms = [layer for layer in native.layers if isinstance(layer, Norm)]
    drops = [layer for layer in native.layers if isinstance(layer, Dropout)]
    for norm in norms:
        norm.tracking = False
    for drop in drops:
        drop.active = False
    try:
        yield
    finally:
        for norm in norms:
            norm.tracking = True
        for drop in drops:
            drop.active = True
