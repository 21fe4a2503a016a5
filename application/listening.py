"""How services that work through files tell how far they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Listener: TypeAlias = Callable[[int, int], None]
"""Hears (files done, files in all)."""


def nobody(done: int, total: int) -> None:
    """Listens to nothing."""
