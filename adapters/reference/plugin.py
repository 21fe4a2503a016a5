"""What this package offers. Importing it does not import NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...plugins import Entries, Entry, Kind, hookimpl

if TYPE_CHECKING:
    from .backend import ReferenceBackend


def _load() -> Callable[..., ReferenceBackend]:
    from .backend import ReferenceBackend

    return ReferenceBackend


@hookimpl
def segport_backends() -> Entries:
    """The reference backend: it needs no framework, so it is always there."""
    return [
        Entry(
            kind=Kind.BACKEND,
            name="reference",
            summary="NumPy alone, no framework: evaluates and predicts on a CPU, slowly; it does not train",
            load=_load,
            aliases=("numpy",),
        )
    ]
