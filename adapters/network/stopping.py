"""Being asked to stop."""

from __future__ import annotations

from ...domain.errors import RunInterruptedError
from ...domain.ports.downloading import Stop


def heed(stop: Stop) -> None:
    """Raises RunInterruptedError once ``stop`` says so."""
    if stop():
        raise RunInterruptedError("Stopped.", fix="Repeat the command to continue from here.")
