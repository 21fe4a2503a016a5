"""Data sets of every kind, and stores of them, against the kit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.memory.store import MemoryDatasets
from segport.adapters.torch.dataset import as_source
from segport.domain.ports.dataset import Dataset
from segport.domain.samples import Sample, Task
from segport.plugins.conformance import Case, DatasetStoreSubject, DatasetSubject, checks_on, run_checks
from segport.plugins.conformance.dataset_store_subject import Small
from segport.tests.conformance.saboteurs.honest_data_sets import arrays, folders, of_source


class Tensors(torch.utils.data.Dataset):
    def __init__(self, samples: Sequence[Sample]) -> None:
        self.pairs = [(torch.tensor(s.image).permute(2, 0, 1), torch.tensor(s.labels)) for s in samples]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, labels = self.pairs[index]
        return image, labels[0, 0] if labels.shape == (1, 1) else labels


class Bare:
    """A source that knows no end, and hands out what it keeps."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index % len(self.samples)]


def in_files(task: Task, folder: Path) -> Dataset:
    store = folders(folder)
    Small.of(task).save(store, folder / "small")
    return store.open(folder / "small")


DATASETS: dict[str, Callable[[Task, Path], Dataset]] = {
    "files": in_files,
    "arrays": lambda task, _: of_source(task, arrays),
    "tensors": lambda task, _: of_source(task, lambda samples: as_source(Tensors(samples))),
    "bare": lambda task, _: of_source(task, Bare),
}
STORES = {
    "folders": DatasetStoreSubject(folders),
    "memory": DatasetStoreSubject(lambda _: MemoryDatasets([of_source(Task.BINARY, arrays)]), Path("small")),
}


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_conforms(name: str, task: Task, tmp_path: Path) -> None:
    report = run_checks(DatasetSubject(DATASETS[name](task, tmp_path), ThreadBatcher()))
    assert all(outcome.passed for outcome in report.outcomes), report


@pytest.mark.parametrize("name", STORES)
def test_a_store_conforms(name: str) -> None:
    report = run_checks(STORES[name])
    assert report.passed, report
    assert {outcome.skipped for outcome in report.outcomes if outcome.skipped} == (
        {"a store that creates data sets"} if name == "memory" else set()
    )


@pytest.mark.parametrize("check", checks_on(DatasetSubject(of_source(Task.BINARY, arrays), ThreadBatcher())), ids=str)
def test_each_check_is_a_test(check: Case) -> None:
    check()


def test_what_a_check_needs_is_said() -> None:
    report = run_checks(DatasetSubject(of_source(Task.BINARY, arrays), samples=2))
    assert report.passed
    assert [outcome.note for outcome in report.outcomes if outcome.skipped] == [
        "needs a look at all training samples: samples=3",
        "needs what makes batches: batcher=ThreadBatcher()",
    ]
