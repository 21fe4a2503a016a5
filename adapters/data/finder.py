"""Pictures by what a user writes: files, folders, globs."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ...domain.errors import DataError
from .readers.scan import EXTENSIONS


class PictureFinder:
    """Implements ``ImageFinder``."""

    def find(self, inputs: Sequence[str]) -> list[Path]:
        """Files as given, pictures in folders (not in their subfolders), and globs expanded; sorted, each once.

        Raises DataError naming every input that gives nothing.
        """
        found: set[Path] = set()
        problems = []
        for text in inputs:
            paths = _expand(text)
            found.update(paths)
            if not paths:
                problems.append(f"{text}: {'no pictures in it' if Path(text).is_dir() else 'does not exist'}")
        if problems or not found:
            raise DataError(
                "There are no images to predict." if not found else "Some inputs give no image.",
                problems=problems,
                fix="Name image files, folders with images, or globs in quotes.",
            )
        return sorted(found)


def _expand(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return [p for p in path.iterdir() if p.is_file() and p.suffix.lower() in EXTENSIONS]
    if path.is_file():
        return [path]
    return [Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file()]
