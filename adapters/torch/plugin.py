"""What this package offers. Importing it does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...plugins import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from .backend import TorchBackend


def _load() -> Callable[..., TorchBackend]:
    from .backend import TorchBackend

    return TorchBackend


@hookimpl
def segport_backends() -> Entries:
    """The torch backend."""
    return [
        Entry(
            kind=Kind.BACKEND,
            name="torch",
            summary="PyTorch, on CPU, CUDA, ROCm and Apple GPUs",
            load=_load,
            aliases=("pytorch",),
            requires=("torch",),
            install="pip install 'segport[torch]'",
        )
    ]
