"""What this package offers. Importing it does not import TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...plugins import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from .backend import TensorflowBackend


def _load() -> Callable[..., TensorflowBackend]:
    from .backend import TensorflowBackend

    return TensorflowBackend


@hookimpl
def segport_backends() -> Entries:
    """The TensorFlow backend."""
    return [
        Entry(
            kind=Kind.BACKEND,
            name="tensorflow",
            summary="TensorFlow with Keras models, on CPU and CUDA GPUs",
            load=_load,
            aliases=("tf", "keras"),
            requires=("tensorflow",),
            install="pip install 'segport[tf]'",
        )
    ]
