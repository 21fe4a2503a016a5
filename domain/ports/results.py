"""Where the numbers and arrays of an evaluation or prediction are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..arrays import Counts, Probabilities


class Results(Protocol):
    """Writes result files, whole or not at all, and makes missing parent folders."""

    def save_confusions(self, path: Path, keys: Sequence[str], counts: Sequence[Counts]) -> None:
        """An .npz with ``keys`` (n,) and ``counts`` (n, K, K) int64: any metric can be computed from it later."""
        ...

    def has(self, path: Path) -> bool:
        """Whether something was saved there."""
        ...

    def load_confusions(self, path: Path) -> tuple[list[str], list[Counts]]:
        """What ``save_confusions`` wrote. Raises DataError for anything else."""
        ...

    def save_values(self, path: Path, values: Mapping[str, Any]) -> None:
        """Plain values as JSON; NaN becomes null."""
        ...

    def save_table(self, path: Path, rows: Iterable[Mapping[str, object]]) -> None:
        """A CSV file; the first row's keys are the columns. At least one row; what they raise leaves no file."""
        ...

    def save_probabilities(self, path: Path, bands: Iterable[Probabilities], shape: tuple[int, int, int]) -> None:
        """An .npy of float16 (H, W, K), which is ``shape``, from bands of its rows, (h, W, K) each, from the top down.

        A band is used before the next is asked for, and not after.
        """
        ...
