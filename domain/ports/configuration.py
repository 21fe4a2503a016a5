"""Settings as plain values, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

S = TypeVar("S")


class SettingsCodec(Protocol):
    """Between settings objects and the plain values that TOML, JSON and flags can hold."""

    def to_values(self, settings: object) -> dict[str, Any]:
        """Field name to plain value; fields that are None are left out."""
        ...

    def from_values(self, cls: type[S], values: Mapping[str, Any], *, where: str) -> S:
        """The reverse; ``where`` says where the values were written.

        Raises InvalidSpecError with every wrong value, unknown name and missing field at once.
        """
        ...


class Documents(Protocol):
    """Plain values in files that people can read."""

    def read(self, path: Path) -> Mapping[str, Any] | None:
        """What a file holds; None where there is none. Raises CheckpointError for one that cannot be read."""
        ...

    def write(self, path: Path, values: Mapping[str, Any]) -> None:
        """Writes a file whole or not at all, and makes missing parent folders. None is left out."""
        ...
