"""Data sets of every kind against the kit, and the kit against data sets and stores of them broken on purpose."""

from __future__ import annotations

import inspect
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.data.codec import PictureCodec
from segport.adapters.memory.dataset import SampleDataset
from segport.adapters.memory.sources import ArraySource
from segport.adapters.memory.store import MemoryDatasets
from segport.adapters.storage.dataset_store import DatasetFolders, FolderWriter
from segport.adapters.torch.dataset import as_source
from segport.domain.errors import DataError
from segport.domain.ports.dataset import Dataset, SampleSource
from segport.domain.samples import Sample, Task
from segport.plugins.conformance import (
    Case,
    DatasetStoreSubject,
    DatasetSubject,
    checks_on,
    dataset_checks,
    dataset_store_checks,
    run_check,
    run_checks,
)
from segport.plugins.conformance.dataset_store_subject import Small


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug here, and waiting for the disk takes most of the time."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


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


def folders(_: Path) -> DatasetFolders:
    return DatasetFolders(PictureCodec())


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


# Saboteurs among data sets: their splits, and what they say of themselves.


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


class ListsEmptySplits(Wrapped):
    @property
    def splits(self) -> Any:
        return (*self.honest.splits, "holding")

    def split(self, name: str) -> Any:
        return [] if name == "holding" else super().split(name)


class GivesAnySplit(Wrapped):
    def split(self, name: str) -> Any:
        return self.parts.get(name, self.parts["train"])


class DoesNotSayWhichSplits(Wrapped):
    def split(self, name: str) -> Any:
        if name not in self.parts:
            raise DataError(f"no {name}")
        return self.parts[name]


class FloatImages(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, image=(sample.image / 255).astype(np.float32))


class ChannelsFirst(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, image=np.moveaxis(sample.image, 2, 0))


class TurnsLabels(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, labels=sample.labels.T)


class LabelsEveryPixel(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, labels=np.full(sample.image.shape[:2], sample.labels[0, 0]))


class HandsOnRawValues(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, labels=sample.labels * np.uint8(80))


class PlanesOf255(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, labels=sample.labels * np.uint8(254))


class KeysArePaths(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return attrs.evolve(sample, key=f"images/{sample.key}")


class AllAreOne(Split):
    def __getitem__(self, index: int) -> Sample:
        return attrs.evolve(super().__getitem__(index), key="0")


class Augments(Split):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        noise = np.random.default_rng().integers(0, 9, sample.image.shape)
        return attrs.evolve(sample, image=(sample.image // 2 + noise).astype(np.uint8))


class Streams(Split):
    """The next one, whatever is asked for."""

    asked = 0

    def __getitem__(self, index: int) -> Sample:
        super().__getitem__(index)
        self.asked += 1
        return super().__getitem__(self.asked % len(self))


class HandsOutItsOwn(Split):
    def __init__(self, honest: Any) -> None:
        super().__init__(honest)
        self.samples = [super(HandsOutItsOwn, self).__getitem__(index) for index in range(len(honest))]

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


class HandsOutItsLabels(HandsOutItsOwn):
    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        return Sample(sample.key, sample.image.copy(), sample.labels.copy())

    def labels(self, index: int) -> Any:
        return self.samples[index].labels


class SharesABuffer(Split):
    """One file handle, as it were, for all threads."""

    def __getitem__(self, index: int) -> Sample:
        self.place = index
        threading.Event().wait(0.002)
        return super().__getitem__(self.place)


class StaysInItsThread(Split):
    """As sqlite3's connections do."""

    def __init__(self, honest: Any) -> None:
        super().__init__(honest)
        self.home = threading.get_ident()

    def __getitem__(self, index: int) -> Sample:
        if threading.get_ident() != self.home:
            raise DataError("opened in another thread")
        return super().__getitem__(index)


class LabelsOfTheFirst(Split):
    def labels(self, index: int) -> Any:
        return super().labels(min(index, 0) if index < len(self) else index)


class WidthFirst(Split):
    def size(self, index: int) -> Any:
        return super().size(index)[::-1]


class BeginsAgain(Split):
    def __getitem__(self, index: int) -> Sample:
        return super().__getitem__(index % len(self))


class LabelsWithoutEnd(Split):
    def labels(self, index: int) -> Any:
        return super().labels(index % len(self))


class SaysMore(Wrapped):
    def said(self) -> dict[str, Any]:
        return {"split_sizes": {"train": 100, "val": 2, "test": 1}}

    @property
    def info(self) -> Any:
        return attrs.evolve(self.honest.info, **self.said())


class NamesOtherClasses(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"pixel_counts": {"one": 1, "two": 2, "three": 3}}


class OneMeanForAll(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"mean": (0.5,)}


class WeighsTwoClasses(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"class_weights": {"inverse": (1.0, 1.0)}}


class SaysSmaller(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"height": (1, 2, 3)}


class MeansOf255(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"mean": tuple(255 * value for value in self.honest.info.mean)}


class CountsAllSplits(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"pixel_counts": {name: 2 * count for name, count in self.honest.info.pixel_counts.items()}}


class IgnoresNothing(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"ignored_pixels": 0}


class GrowsInBatches(Split):
    """Labels are of another size in any other thread."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if threading.current_thread() is threading.main_thread():
            return sample
        return attrs.evolve(sample, labels=np.pad(sample.labels, 1))


SPLITS: dict[type[Wrapped], str] = {
    ListsEmptySplits: "its_splits_hold_samples_and_others_are_refused",
    GivesAnySplit: "its_splits_hold_samples_and_others_are_refused",
    DoesNotSayWhichSplits: "its_splits_hold_samples_and_others_are_refused",
    wrapped(FloatImages): "samples_are_an_image_with_labels_that_fit",
    wrapped(ChannelsFirst): "samples_are_an_image_with_labels_that_fit",
    wrapped(TurnsLabels): "samples_are_an_image_with_labels_that_fit",
    wrapped(LabelsEveryPixel, Task.CLASSIFICATION): "samples_are_an_image_with_labels_that_fit",
    wrapped(HandsOnRawValues): "labels_are_classes_or_ignored",
    wrapped(PlanesOf255, Task.MULTILABEL): "labels_are_classes_or_ignored",
    wrapped(KeysArePaths): "keys_are_file_names_that_a_split_has_once",
    wrapped(AllAreOne): "keys_are_file_names_that_a_split_has_once",
    wrapped(Augments): "read_again_a_sample_is_the_same",
    wrapped(Streams): "read_again_a_sample_is_the_same",
    wrapped(HandsOutItsOwn): "writing_into_a_sample_changes_no_later_one",
    wrapped(HandsOutItsLabels): "writing_into_a_sample_changes_no_later_one",
    wrapped(SharesABuffer): "threads_read_the_samples_that_one_reads",
    wrapped(StaysInItsThread): "threads_read_the_samples_that_one_reads",
    wrapped(LabelsOfTheFirst): "labels_alone_are_those_of_the_sample",
    wrapped(WidthFirst): "sizes_are_those_of_the_images",
    wrapped(BeginsAgain): "an_index_beyond_the_end_raises_index_error",
    wrapped(LabelsWithoutEnd): "an_index_beyond_the_end_raises_index_error",
    SaysMore: "its_description_is_of_these_samples",
    NamesOtherClasses: "its_description_is_of_these_samples",
    OneMeanForAll: "its_description_is_of_these_samples",
    WeighsTwoClasses: "its_description_is_of_these_samples",
    SaysSmaller: "its_description_is_of_these_samples",
    MeansOf255: "its_statistics_are_those_of_the_training_samples",
    CountsAllSplits: "its_statistics_are_those_of_the_training_samples",
    IgnoresNothing: "its_statistics_are_those_of_the_training_samples",
    wrapped(Streams): "batches_are_made_of_it",
    wrapped(GrowsInBatches): "batches_are_made_of_it",
}


# Saboteurs among stores.


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


class DropsIgnored(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        return super().store(item, image, np.where(labels == 255, 0, labels).astype(np.uint8), classes, changed=changed)


class DropsWarnings(Writer):
    def finish(self, info, classes, rows):
        return super().finish(attrs.evolve(info, warnings=()), classes, rows)


class RepaintsClasses(Writer):
    def finish(self, info, classes, rows):
        return super().finish(info, type(classes).of(classes.names), rows)


class AllIsTraining(Writer):
    def finish(self, info, classes, rows):
        info = attrs.evolve(info, split_sizes={"train": len(rows)})
        return super().finish(info, classes, [attrs.evolve(row, split="train") for row in rows])


class OpensWhatIsThere(Folders):
    """Half a data set as well."""

    def open(self, path: Path) -> Any:
        with suppress(DataError):
            return self.honest.open(path)
        return None


class LeavesItsWork(Writer):
    def __exit__(self, kind, error, trace):
        self._claim.close()


class KeepsWhatIsWhole(Writer):
    """Even after an error."""

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.work.rename(self.out)
        super().__exit__(kind, error, trace)


class Replaces(Folders):
    def create(self, out: Path, *, reference: bool = False) -> Any:
        shutil.rmtree(out, ignore_errors=True)
        return super().create(out, reference=reference)


class ClaimsNoPlace(Writer):
    def __enter__(self):
        for folder in ("images", "masks"):
            (self.work / folder).mkdir(parents=True)
        return self


class KeepsEveryFile(Writer):
    def finish(self, info, classes, rows):
        for file in [*self.work.rglob("*.png")]:
            file.with_suffix(".keep").write_bytes(file.read_bytes())
        place = super().finish(info, classes, rows)
        (place / "images" / "key 0.keep").touch()
        return place


class StoresOneAtATime(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        self.__dict__["now"] = item
        threading.Event().wait(0.005)
        return super().store(self.__dict__["now"], image, labels, classes, changed=changed)


class StoresLater(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        self.__dict__.setdefault("later", []).append((item, image, labels, classes))
        return stored

    def finish(self, info, classes, rows):
        for item, image, labels, own in self.__dict__["later"]:
            super().store(item, image, labels, own, changed=True)
        return super().finish(info, classes, rows)


class RefersToFiles(Folders):
    def create(self, out: Path, *, reference: bool = False) -> Any:
        return super().create(out, reference=True)


class KeepsTheFile(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        return super().store(item, image, labels, classes)


class HashesNames(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        return attrs.evolve(stored, image_sha256=item.key)


class HashesImagesAlone(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        stored = super().store(item, image, labels, classes, changed=changed)
        return attrs.evolve(stored, mask_sha256=stored.image_sha256)


class FollowsPaths(Writer):
    def store(self, item, image, labels, classes, *, changed=False):
        if ".." in item.key:
            self.codec.write_image(self.work / "images" / f"{item.key}.png", image)
        return super().store(item, image, labels, classes, changed=changed)


class ReadsNoTable(Folders):
    def read_classes(self, path: Path) -> Any:
        return Small.of().classes


class NamesNothing(Folders):
    def open(self, path: Path) -> Any:
        if not path.exists():
            raise DataError("There is no such data set.")
        return self.honest.open(path)


class Renames(Folders):
    opened = 0

    def open(self, path: Path) -> Any:
        found = self.honest.open(path)
        self.opened += 1
        return attrs.evolve(found, info=attrs.evolve(found.info, name=f"opened {self.opened} times"))


class SplitsByRow(Folders):
    def read_splits(self, path: Path) -> Any:
        self.honest.read_splits(path)
        return {"a": "train", "b": "train"}


class SurveysAtLength(Folders):
    def survey(self, source: Path) -> str:
        return self.honest.survey(source).replace(" ", "\n")


WRITERS: dict[type[Folders], str] = {
    writing(DropsIgnored): "a_data_set_comes_back_as_it_was_saved",
    writing(DropsWarnings): "a_data_set_comes_back_as_it_was_saved",
    writing(RepaintsClasses): "a_data_set_comes_back_as_it_was_saved",
    writing(AllIsTraining): "a_data_set_comes_back_as_it_was_saved",
    OpensWhatIsThere: "nothing_is_there_until_it_is_finished",
    writing(LeavesItsWork): "left_before_it_is_finished_nothing_stays",
    writing(KeepsWhatIsWhole): "left_before_it_is_finished_nothing_stays",
    Replaces: "a_place_that_is_taken_is_refused",
    writing(ClaimsNoPlace): "a_place_that_is_taken_is_refused",
    writing(KeepsEveryFile): "pairs_that_no_row_names_are_dropped",
    writing(StoresOneAtATime): "threads_store_what_one_stores",
    writing(StoresLater): "what_was_stored_is_a_copy",
    RefersToFiles: "what_was_stored_is_a_copy",
    writing(KeepsTheFile): "a_changed_image_is_kept_in_place_of_its_file",
    writing(HashesNames): "hashes_tell_contents_apart",
    writing(HashesImagesAlone): "hashes_tell_contents_apart",
    writing(FollowsPaths): "a_key_never_leads_out_of_the_data_set",
    ReadsNoTable: "what_is_not_there_is_refused",
    NamesNothing: "what_is_not_there_is_refused",
    Renames: "opened_twice_it_is_the_same",
    SplitsByRow: "tables_are_read",
    SurveysAtLength: "tables_are_read",
}

KINDS: dict[ModuleType, dict[Any, str]] = {dataset_checks: SPLITS, dataset_store_checks: WRITERS}
OWN_MISTAKES = ("AttributeError", "NameError", "KeyError", "ImportError")


def subject_of(module: ModuleType, saboteur: Any) -> Any:
    return DatasetSubject(saboteur(), ThreadBatcher()) if module is dataset_checks else DatasetStoreSubject(saboteur)


@pytest.mark.parametrize(
    ("module", "saboteur"),
    [(module, saboteur) for module, saboteurs in KINDS.items() for saboteur in saboteurs],
    ids=lambda value: value.__name__.rpartition(".")[2],
)
def test_a_saboteur_is_caught(module: ModuleType, saboteur: Any) -> None:
    check = getattr(module, KINDS[module][saboteur])
    outcome = run_check(check, subject_of(module, saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


@pytest.mark.parametrize(("module", "honest"), [(dataset_checks, Wrapped), (dataset_store_checks, Folders)])
def test_what_saboteurs_are_made_of_is_honest(module: ModuleType, honest: Any) -> None:
    assert run_checks(subject_of(module, honest)).failures == ()


@pytest.mark.parametrize("module", KINDS, ids=lambda module: module.__name__)
def test_every_check_catches_a_saboteur_and_every_function_is_a_check(module: ModuleType) -> None:
    written = {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "_" in name
    }
    assert set(KINDS[module].values()) == {check.__name__ for check in module.CHECKS} == written
