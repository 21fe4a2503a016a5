"""TOML files in and out, with errors that say where."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from ...domain.errors import CheckpointError, InvalidSpecError, SegportError
from .. import files

_BOTTOMLESS = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""")
"""Keys such as a.a.a.a, which tomllib takes a time and a memory for that grow by the square of their length."""


def read_toml(path: Path, error: type[SegportError] = InvalidSpecError) -> dict[str, Any]:
    """The tables of a file. Raises ``error`` naming file, line and column."""
    if not path.exists():
        raise error(f"{path} does not exist.")
    text = files.read_text(path, error)
    if _BOTTOMLESS.search(text):
        raise error(f"{path} is not valid TOML: it has tables in tables without end.")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as reason:  # also for a number of thousands of digits, lists in lists ...
        raise error(f"{path} is not valid TOML: {reason}.", fix="Strings need quotes; true and false do not.") from None


def write_toml(path: Path, values: Mapping[str, Any]) -> None:
    """Writes atomically. None is left out, tuples become arrays, paths strings, NumPy numbers plain ones."""
    files.write_text(path, tomli_w.dumps(_plain(values), multiline_strings=False))


class TomlDocuments:
    """Implements the port ``Documents``."""

    def read(self, path: Path) -> dict[str, Any] | None:
        """The tables of a file; None where there is none."""
        return read_toml(path, CheckpointError) if path.exists() else None

    def write(self, path: Path, values: Mapping[str, Any]) -> None:
        """Replaces a file. Raises CheckpointError where the disk refuses."""
        try:
            write_toml(path, values)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be written: {error.strerror or error}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(v) for v in value if v is not None]
    if isinstance(value, Path):
        return value.as_posix()
    return value
