"""What this package offers. Importing it does not import TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...plugins import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from ...domain.ports.exporting import Exporter
    from .backend import TensorflowBackend

_NEEDS: dict[str, Any] = {"requires": ("tensorflow",), "install": "pip install 'segport[tf]'"}
_EXPORTERS = {
    "keras": ("KerasFile", "the Keras model itself"),
    "h5": ("H5File", "the Keras model itself, in Keras's older format"),
    "saved-model": ("SavedModel", "a folder for TensorFlow and its servers"),
}


def _load() -> Callable[..., TensorflowBackend]:
    from .backend import TensorflowBackend

    return TensorflowBackend


def _exporter(part: str) -> Callable[..., Exporter]:
    from . import export

    factory: Callable[..., Exporter] = getattr(export, part)
    return factory


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
            **_NEEDS,
        )
    ]


@hookimpl
def segport_exporters() -> Entries:
    """Formats that TensorFlow writes."""
    return [
        Entry(Kind.EXPORTER, name, summary, partial(_exporter, part), **_NEEDS)
        for name, (part, summary) in _EXPORTERS.items()
    ]
