"""Splits of data sets broken on purpose."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import numpy as np

from segport.domain.errors import DataError
from segport.domain.samples import Sample, Task
from segport.tests.conformance.saboteurs.honest_data_sets import Split, Wrapped, wrapped


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


class GrowsInBatches(Split):
    """Labels are of another size in any other thread."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if threading.current_thread() is threading.main_thread():
            return sample
        return attrs.evolve(sample, labels=np.pad(sample.labels, 1))


CAUGHT_BY: dict[type[Wrapped], str] = {
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
    wrapped(Streams): "batches_are_made_of_it",
    wrapped(GrowsInBatches): "batches_are_made_of_it",
}
