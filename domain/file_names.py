"""Which names of strangers can be names of files: none leads out of the folder it is written to."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import DataError
from .plain_text import has_controls

_UNFIT = frozenset('/\\:*?"<>|\0')
"""Characters that no file may have on one of the systems people use."""


def is_stem(name: str) -> bool:
    """Whether a file may be called so, with a suffix behind it."""
    return bool(name) and not (_UNFIT.intersection(name) or has_controls(name) or name.startswith("."))


def is_folder_name(name: str) -> bool:
    """Whether a folder may be called so."""
    return is_stem(name) and name.strip(". ") == name


def require_folder_names(classes: Sequence[str]) -> None:
    """Raises DataError, naming the first class that no folder can be called after."""
    for name in classes:
        if not is_folder_name(name):
            raise DataError(f"The class {name!r} cannot be a folder's name.", fix="Give the class another name.")
