"""What this package offers. Importing it does not import JAX."""

from __future__ import annotations

from segport.plugins import Entries, Entry, Kind, hookimpl


def _load() -> type:
    from .backend import JaxBackend

    return JaxBackend


@hookimpl
def segport_backends() -> Entries:
    """The JAX backend."""
    return [Entry(Kind.BACKEND, "jax", "JAX, compiled by XLA", _load, requires=("jax",), install="pip install jax")]
