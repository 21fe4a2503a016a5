"""What every data set must do: one of files, of arrays, or of a source of one's own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
from attrs import frozen

from ...domain.arrays import IGNORE
from ...domain.augmentation.policy import AugmentationPolicy
from ...domain.errors import DataError
from ...domain.ports.dataset import (
    Batcher,
    BatchSource,
    Dataset,
    KnowsSizes,
    LabelledSource,
    TrainingPlan,
    ViewingPlan,
)
from ...domain.resampling import Fit
from ...domain.samples import Batch, Sample, Task
from ...domain.splitting import TRAIN
from ...domain.statistics import PixelStatistics
from . import expect
from .dataset_store_subject import same_sample

_THREADS = 4
_SIZE = (24, 32)
_NEAR = 1e-3
"""How far mean and standard deviation may be off, which are shares of 255: a quarter of one step of a pixel."""


@frozen(eq=False)
class DatasetSubject:
    """A data set under check.

    Attributes:
        dataset: any implementation of the port. ``SampleDataset.of`` makes one of a source of samples.
        batcher: what shall make batches of it, such as ``ThreadBatcher()``; without, that is not checked.
        samples: how many of each split are looked at, from first to last.
    """

    dataset: Dataset
    batcher: Batcher | None = None
    samples: int = 16

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"data set {type(self.dataset).__name__}"

    def looks(self) -> Iterator[tuple[str, LabelledSource, list[int]]]:
        """Each split's name, the split, and indices of the samples to look at."""
        for name in self.dataset.splits:
            split = self.dataset.split(name)
            yield name, split, [*range(0, len(split), max(1, -(-len(split) // self.samples)))]

    def read(self) -> Iterator[tuple[str, Sample]]:
        """These samples, and where each is from."""
        for name, split, indices in self.looks():
            yield from ((f"{name}[{index}]", split[index]) for index in indices)


def its_splits_hold_samples_and_others_are_refused(subject: DatasetSubject) -> None:
    """With DataError that names those there are."""
    splits = list(subject.dataset.splits)
    expect.that(len(splits) > 0 and len(set(splits)) == len(splits), f"its splits are {splits}")
    empty = [name for name in splits if len(subject.dataset.split(name)) == 0]
    expect.that(not empty, f"splits without a sample are listed: {empty}")
    try:
        subject.dataset.split("no-such-split")
    except DataError as error:
        unnamed = [name for name in splits if name not in str(error)]
        expect.that(not unnamed, f"the error for an unknown split does not name {unnamed}: {error}")
    else:
        raise expect.CheckFailed("an unknown split was given")


def samples_are_an_image_with_labels_that_fit(subject: DatasetSubject) -> None:
    """(H, W, C) uint8 with the channels of ``info``; labels of the task: (H, W), planes (H, W, K), or (1, 1)."""
    info, classes = subject.dataset.info, len(subject.dataset.classes)
    for where, sample in subject.read():
        image, labels = sample.image, sample.labels
        fits = image.ndim == 3 and min(image.shape) > 0 and image.shape[2] == info.channels
        expect.that(
            fits and image.dtype == np.uint8,
            f"{where}: an image of {image.dtype} {image.shape}, expected uint8 (H, W, {info.channels})",
        )
        size = (1, 1) if info.task is Task.CLASSIFICATION else image.shape[:2]
        wanted = (*size, classes) if info.task.planes else size
        expect.that(
            labels.shape == wanted and labels.dtype == np.uint8,
            f"{where}: {info.task} labels of {labels.dtype} {labels.shape}, expected uint8 {wanted}",
        )


def labels_are_classes_or_ignored(subject: DatasetSubject) -> None:
    """Below the number of classes, or 255; of planes 0, 1 or 255."""
    largest = 1 if subject.dataset.info.task.planes else len(subject.dataset.classes) - 1
    for where, sample in subject.read():
        odd = sorted(set(np.unique(sample.labels).tolist()) - {*range(largest + 1), IGNORE})
        expect.that(not odd, f"{where}: labels {odd[:5]}, expected 0 to {largest}, or {IGNORE}")


def keys_are_file_names_that_a_split_has_once(subject: DatasetSubject) -> None:
    """What is found out about a sample is written under its key."""
    for name, split, indices in subject.looks():
        keys = [split[index].key for index in indices]
        odd = [key for key in keys if not key or Path(key).name != key]
        expect.that(not odd, f"{name}: no file can be called {odd[:3]}")
        twice = sorted({key for key in keys if keys.count(key) > 1})
        expect.that(not twice, f"{name}: several samples are called {twice[:3]}")


def read_again_a_sample_is_the_same(subject: DatasetSubject) -> None:
    """In another order, and from a split that is asked for anew: samples are augmented later, not by the data set."""
    first = dict(subject.read())
    for name, _, indices in subject.looks():
        anew = subject.dataset.split(name)
        for index in reversed(indices):
            same_sample(f"{name}[{index}], read again", anew[index], first[f"{name}[{index}]"])


def writing_into_a_sample_changes_no_later_one(subject: DatasetSubject) -> None:
    """What is handed out is a copy, or cannot be written into."""
    for name, split, indices in subject.looks():
        for index in indices[:2]:
            where, sample = f"{name}[{index}]", split[index]
            kept = Sample(sample.key, sample.image.copy(), sample.labels.copy())
            labels = split.labels(index)
            written = [array for array in (sample.image, sample.labels, labels) if array.flags.writeable]
            before = [array.copy() for array in written]
            try:
                for array in written:
                    array[...] = 255 - array
                same_sample(f"{where}, after it was written into", split[index], kept)
                expect.equal(f"{where}: labels alone, after they were written into", split.labels(index), kept.labels)
            finally:
                for array, values in zip(written, before, strict=True):
                    array[...] = values


def threads_read_the_samples_that_one_reads(subject: DatasetSubject) -> None:
    """Several workers ask at once."""
    for name, split, indices in subject.looks():
        alone = [split[index] for index in indices]
        with ThreadPoolExecutor(_THREADS) as pool:
            for found, right in zip(pool.map(split.__getitem__, indices * _THREADS), alone * _THREADS, strict=True):
                same_sample(f"{name}, read by {_THREADS} threads", found, right)


def labels_alone_are_those_of_the_sample(subject: DatasetSubject) -> None:
    """For what needs no image, such as counting classes."""
    for name, split, indices in subject.looks():
        for index in indices:
            expect.equal(f"{name}: labels({index})", split.labels(index), split[index].labels)


def sizes_are_those_of_the_images(subject: DatasetSubject) -> None:
    """(height, width), where a split can tell them without reading."""
    for name, split, indices in subject.looks():
        if not isinstance(split, KnowsSizes):
            raise expect.Lacking("splits that know sizes: a method size(index)")
        for index in indices:
            found, right = tuple(split.size(index)), split[index].image.shape[:2]
            expect.that(found == right, f"{name}: size({index}) is {found}, and the image {right}")


def an_index_beyond_the_end_raises_index_error(subject: DatasetSubject) -> None:
    """By which ``for sample in split`` ends."""
    for name, split, _ in subject.looks():
        asked: list[tuple[str, Callable[[int], object]]] = [("", split.__getitem__), (".labels", split.labels)]
        if isinstance(split, KnowsSizes):
            asked.append((".size", split.size))
        for index in (len(split), len(split) + 7):
            for what, ask in asked:
                expect.raises(IndexError, f"{name}{what} of index {index}, of {len(split)}", partial(ask, index))


def its_description_is_of_these_samples(subject: DatasetSubject) -> None:
    """Names of classes, channels, how many samples each split has, and how large images are."""
    info, dataset = subject.dataset.info, subject.dataset
    found = {name: len(dataset.split(name)) for name in dataset.splits}
    said = {name: size for name, size in info.split_sizes.items() if size}
    expect.that(said == found, f"info.split_sizes is {said}, and the splits have {found}")
    names = dataset.classes.names
    expect.that(tuple(info.pixel_counts) == names, f"info counts {[*info.pixel_counts]}, and the classes are {names}")
    for what, values in (("mean", info.mean), ("std", info.std)):
        expect.that(len(values) == info.channels, f"info.{what} has {len(values)} values for {info.channels} channels")
    for scheme, weights in info.class_weights.items():
        right = len(weights) == len(names) and bool(np.isfinite(weights).all()) and min(weights) >= 0
        expect.that(right, f"info.class_weights[{scheme!r}] is {weights}, for {len(names)} classes")
    for what, axis, (least, _, largest) in (("height", 0, info.height), ("width", 1, info.width)):
        sizes = [sample.image.shape[axis] for _, sample in subject.read()]
        within = least <= min(sizes) and max(sizes) <= largest
        expect.that(within, f"info.{what} is from {least} to {largest}, and images from {min(sizes)} to {max(sizes)}")


def its_statistics_are_those_of_the_training_samples(subject: DatasetSubject) -> None:
    """Mean, standard deviation, and the pixels of each class. All of the split is read for it."""
    info, names = subject.dataset.info, subject.dataset.classes.names
    if TRAIN not in subject.dataset.splits:
        raise expect.Lacking(f"a split {TRAIN}")
    split = subject.dataset.split(TRAIN)
    if len(split) > subject.samples:
        raise expect.Lacking(f"a look at all training samples: samples={len(split)}")
    samples = [split[index] for index in range(len(split))]
    found = PixelStatistics.total((PixelStatistics.of(s.image, s.labels, len(names)) for s in samples), len(names))
    for what, said, right in (("mean", info.mean, found.mean), ("std", info.std, found.std)):
        off = float(np.abs(np.subtract(said, right)).max())
        expect.that(off <= _NEAR, f"info.{what} is {said}, and that of the samples {right}")
    counts = dict(zip(names, found.pixels.tolist(), strict=True))
    expect.that(dict(info.pixel_counts) == counts, f"info.pixel_counts is {dict(info.pixel_counts)}, expected {counts}")
    ignored = info.ignored_pixels
    expect.that(ignored == found.ignored, f"info.ignored_pixels is {ignored}, expected {found.ignored}")


def batches_are_made_of_it(subject: DatasetSubject) -> None:
    """To train, the same for the same seed and epoch; and to look at, each sample with its labels untouched."""
    if subject.batcher is None:
        raise expect.Lacking("what makes batches: batcher=ThreadBatcher()")
    policy = AugmentationPolicy.light()
    training = TrainingPlan(_SIZE, 2, 41, Fit.NATIVE, policy, workers=2, cache=False)
    for name, split, _ in subject.looks():
        first, again = (_first(subject.batcher.training(split, training), 2) for _ in range(2))
        for batch, same in zip(first, again, strict=True):
            shape = (len(batch), *_SIZE, subject.dataset.info.channels)
            expect.that(batch.images.shape == shape, f"{name}: a batch of {batch.images.shape}, expected {shape}")
            expect.equal(f"{name}: images of a training batch made again", same.images, batch.images)
            expect.equal(f"{name}: labels of a training batch made again", same.labels, batch.labels)
        viewing = ViewingPlan(Fit.NATIVE, _SIZE, 8, 2, workers=2)
        seen = _first(subject.batcher.viewing(split, viewing), max(1, subject.samples // 2))
        pairs = [pair for batch in seen for pair in zip(batch.keys, batch.natives, strict=True)]
        for index, (key, labels) in enumerate(pairs):
            expect.that(key == split[index].key, f"{name}: place {index} of the batches to look at is {key}'s")
            expect.equal(f"{name}: labels of {key} in a batch to look at", labels, split[index].labels)


def _first(source: BatchSource, count: int) -> list[Batch]:
    with closing(cast("Generator[Batch]", source.batches(1))) as batches:
        return list(islice(batches, count))


CHECKS = (
    its_splits_hold_samples_and_others_are_refused,
    samples_are_an_image_with_labels_that_fit,
    labels_are_classes_or_ignored,
    keys_are_file_names_that_a_split_has_once,
    read_again_a_sample_is_the_same,
    writing_into_a_sample_changes_no_later_one,
    threads_read_the_samples_that_one_reads,
    labels_alone_are_those_of_the_sample,
    sizes_are_those_of_the_images,
    an_index_beyond_the_end_raises_index_error,
    its_description_is_of_these_samples,
    its_statistics_are_those_of_the_training_samples,
    batches_are_made_of_it,
)
