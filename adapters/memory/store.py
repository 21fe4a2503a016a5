"""What a toolkit uses in place of folders: ``Toolkit(**in_memory(...))`` reads and writes no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from attrs import field, frozen

from ...domain.arrays import Counts, Probabilities
from ...domain.errors import DataError
from ...domain.ports.dataset import Dataset
from .runs import MemoryRuns


def in_memory(*datasets: Dataset) -> dict[str, object]:
    """Overrides for a toolkit: these data sets by their names, runs and results that end with it, no pictures.

    The log of a run is a file, too: train with ``track=()``. What reports name as files or pictures is not there.
    Raises DataError for two data sets of one name.
    """
    return {
        "datasets": MemoryDatasets(datasets),
        "runs": MemoryRuns(),
        "results": MemoryResults(),
        "reporter": NoPictures(),
    }


class MemoryDatasets:
    """Implements the port ``DatasetStore`` for data sets that are made already."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._datasets = {dataset.info.name: dataset for dataset in datasets}
        if len(self._datasets) < len(datasets):
            names = ", ".join(dataset.info.name for dataset in datasets)
            raise DataError(f"Two data sets have one name: {names}.", fix="Give each a name of its own.")

    def open(self, path: Path) -> Dataset:
        """By the last part of the path, which is its name. Raises DataError, naming those there are."""
        if path.name not in self._datasets:
            known = ", ".join(self._datasets) or "none"
            raise DataError(f"No data set {path.name!r} is kept in memory.", fix=f"There are: {known}.")
        return self._datasets[path.name]

    def create(self, out: Path, *, reference: bool = False) -> NoReturn:
        """Raises DataError: what is prepared are files."""
        raise _needs_files()

    def survey(self, source: Path) -> NoReturn:
        """Raises DataError, as ``create``."""
        raise _needs_files()

    def read_classes(self, path: Path) -> NoReturn:
        """Raises DataError, as ``create``."""
        raise _needs_files()

    def read_splits(self, path: Path) -> NoReturn:
        """Raises DataError, as ``create``."""
        raise _needs_files()


def _needs_files() -> DataError:
    return DataError("This toolkit keeps data sets in memory, and prepares no files.", fix="Prepare with Toolkit().")


@frozen(eq=False)
class MemoryResults:
    """Implements the port ``Results``. What would be a file is kept by its path."""

    kept: dict[Path, Any] = field(factory=dict)

    def save_confusions(self, path: Path, keys: Sequence[str], counts: Sequence[Counts]) -> None:
        """Keeps both."""
        self.kept[path] = (list(keys), [np.array(one) for one in counts])

    def has(self, path: Path) -> bool:
        """Whether something is kept by this path."""
        return path in self.kept

    def load_confusions(self, path: Path) -> tuple[list[str], list[Counts]]:
        """What ``save_confusions`` kept. Raises DataError where there is nothing."""
        if path not in self.kept:
            raise DataError(f"No matrices {path} are kept in memory.", fix="Evaluate the run first.")
        keys, counts = self.kept[path]
        return keys, counts

    def save_values(self, path: Path, values: Mapping[str, Any]) -> None:
        """Keeps them."""
        self.kept[path] = values

    def save_table(self, path: Path, rows: Iterable[Mapping[str, object]]) -> None:
        """Keeps the rows."""
        self.kept[path] = list(rows)

    def save_probabilities(self, path: Path, bands: Iterable[Probabilities], shape: tuple[int, int, int]) -> None:
        """Keeps them as they would be written, in float16."""
        self.kept[path] = np.concatenate([band.astype(np.float16) for band in bands]).reshape(shape)


class NoPictures:
    """A ``Reporter`` that draws nothing, for those who want numbers alone."""

    def page(self, *arguments: Any, **options: Any) -> None:
        """Nothing, as all the others."""

    training_curves = run_curves = confusion = class_bars = class_frequencies = page
    reliability = confidences = logits = panels = contact_sheet = overlay = page
