"""What this package offers. Importing it does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...plugins import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from ...domain.ports.exporting import Exporter
    from .backend import TorchBackend

_NEEDS: dict[str, Any] = {"requires": ("torch",), "install": "pip install 'segport[torch]'"}
_EXPORTERS = {
    "torch-state-dict": ("StateDict", "weights alone, for torch.load; an encoder's under torchvision's names"),
    "torchscript": ("TorchScript", "a model for torch.jit.load, also from C++; deprecated by PyTorch"),
    "torch-export": ("TorchExport", "a model for torch.export.load, of any number and size of images"),
}


def _load() -> Callable[..., TorchBackend]:
    from .backend import TorchBackend

    return TorchBackend


def _exporter(part: str) -> Callable[..., Exporter]:
    from . import export

    factory: Callable[..., Exporter] = getattr(export, part)
    return factory


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
            **_NEEDS,
        )
    ]


@hookimpl
def segport_exporters() -> Entries:
    """Formats that torch writes."""
    return [
        Entry(Kind.EXPORTER, name, summary, partial(_exporter, part), **_NEEDS)
        for name, (part, summary) in _EXPORTERS.items()
    ]
