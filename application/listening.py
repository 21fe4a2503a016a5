"""How services tell how far they are, and are asked to stop: always the keywords ``listen`` and ``stop``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..domain.events import Event

FileListener: TypeAlias = Callable[[int, int], None]
"""Hears (files done, files in all)."""
EventListener: TypeAlias = Callable[["Event"], None]
"""Hears what happens in a training."""
Stop: TypeAlias = Callable[[], bool]
"""Whether the work was asked to stop."""


def nobody(*heard: object) -> None:
    """Listens to nothing, of any kind."""


def never() -> bool:
    """Does not ask to stop."""
    return False
