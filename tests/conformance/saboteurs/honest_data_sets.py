"""Honest data sets and stores of them, which hand on to what saboteurs break."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from segport.adapters.data.codec import PictureCodec
from segport.adapters.memory.dataset import SampleDataset
from segport.adapters.memory.sources import ArraySource
from segport.adapters.storage.dataset_store import DatasetFolders, FolderWriter
from segport.domain.ports.dataset import SampleSource
from segport.domain.samples import Sample, Task
from segport.plugins.conformance.dataset_store_subject import Small


def of_source(task: Task, make: Callable[[Sequence[Sample]], SampleSource]) -> SampleDataset:
    """The small data set of a task, by what makes a source of the samples of a split."""
    small = Small.of(task)
    splits: dict[str, list[Sample]] = {}
    for split, sample in small.pairs.values():
        splits.setdefault(split, []).append(sample)
    sources = {split: make(samples) for split, samples in splits.items()}
    return SampleDataset.of("small", small.classes, task=task, **sources)


def arrays(samples: Sequence[Sample]) -> SampleSource:
    images, labels, keys = zip(*((s.image, s.labels, s.key) for s in samples), strict=True)
    return ArraySource(images, labels, keys)


def folders(_: Path) -> DatasetFolders:
    return DatasetFolders(PictureCodec())


class Split:
    """Hands out copies of an honest split's."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest

    def __len__(self) -> int:
        return len(self.honest)

    def __getitem__(self, index: int) -> Sample:
        sample = self.honest[index]
        return Sample(sample.key, sample.image.copy(), sample.labels.copy())

    def labels(self, index: int) -> Any:
        return self[index].labels

    def size(self, index: int) -> Any:
        return self.honest.size(index)


class Wrapped:
    """An honest data set of three classes."""

    kind: type[Split] = Split
    task = Task.MULTICLASS

    def __init__(self) -> None:
        self.honest = of_source(self.task, arrays)
        self.parts = {name: self.kind(self.honest.split(name)) for name in self.honest.splits}

    @property
    def info(self) -> Any:
        return self.honest.info

    @property
    def classes(self) -> Any:
        return self.honest.classes

    @property
    def splits(self) -> Any:
        return self.honest.splits

    def split(self, name: str) -> Any:
        self.honest.split(name)
        return self.parts[name]


def wrapped(kind: type[Split], task: Task = Task.MULTICLASS) -> type[Wrapped]:
    return type(kind.__name__, (Wrapped,), {"kind": kind, "task": task})


class Writer(FolderWriter):
    """An honest one, of folders, that has attributes of its own."""


class Folders:
    """An honest store of folders, with writers of the kind."""

    kind: type[FolderWriter] = Writer

    def __init__(self, folder: Path) -> None:
        self.honest = folders(folder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def create(self, out: Path, *, reference: bool = False) -> Any:
        self.honest.create(out)
        return self.kind(out, self.honest.codec, reference)


def writing(kind: type[FolderWriter]) -> type[Folders]:
    return type(kind.__name__, (Folders,), {"kind": kind})
