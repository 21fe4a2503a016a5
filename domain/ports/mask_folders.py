"""Masks that somebody else predicted, beside the true ones."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from attrs import frozen

from ..arrays import Labels
from ..classes import ClassMap

PREDICTED = "predictions.json"
"""Lies in a folder that ``segport predict`` wrote, where ``a_overlay.png`` beside ``a.png`` is a drawing, no mask."""


@frozen
class MaskPair:
    """A predicted mask and the true one of the same name."""

    key: str
    prediction: Path
    truth: Path


@frozen
class MaskPairs:
    """Every true mask with its prediction, sorted by key; ``extra`` are predictions that have no true mask."""

    pairs: tuple[MaskPair, ...]
    extra: tuple[Path, ...] = ()


class MaskFolders(Protocol):
    """Pairs and reads two folders of masks. Reading is thread-safe."""

    def pairs(self, predictions: Path, truth: Path) -> MaskPairs:
        """Matches by name. Raises DataError listing every true mask that has no prediction, and names given twice."""
        ...

    def classes(self, predictions: Path, truth: Path) -> ClassMap | None:
        """The class map in or beside the folders, or the one that the true masks leave no doubt about, or None."""
        ...

    def read_truth(self, path: Path, classes: ClassMap) -> Labels:
        """Class indices, IGNORE where the class map says so. Raises DataError naming the file."""
        ...

    def read_prediction(self, path: Path, classes: ClassMap) -> Labels:
        """Class indices of a mask that stores either the raw values of the class map or its colours."""
        ...
