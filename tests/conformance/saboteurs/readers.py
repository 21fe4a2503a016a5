"""Readers broken on purpose."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import attrs
import numpy as np

from segport.domain.classes import ClassMap
from segport.domain.errors import DataError
from segport.domain.ports.dataset import SourceItem
from segport.plugins.conformance import reader_checks as reader
from segport.tests.conformance.saboteurs.kind import Saboteurs

_LOADING = threading.Lock()
"""As docs/plugins.md tells authors: ``np.load`` is no matter for several threads before Python 3.11.8."""


def example(folder: Path) -> None:
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 256, (4, 5, 3)).astype(np.uint8)
        np.savez(folder / f"{i}.npz", image=image, labels=image[..., 0] % 2)


class Arrays:
    """Reads ``example``."""

    name = "arrays"

    def recognises(self, source):
        return "found *.npz" if any(source.glob("*.npz")) else None

    def items(self, source):
        found = [SourceItem(path.stem, path, (path,)) for path in sorted(source.glob("*.npz"))]
        if not found:
            raise DataError(f"{source} holds no .npz")
        return found

    def classes(self, source):
        return ClassMap.binary()

    def read_image(self, item):
        return self._read(item, "image")

    def read_labels(self, item, classes):
        return self._read(item, "labels")

    def read_planes(self, item, classes):
        return self._read(item, "labels")[..., None]

    def _read(self, item, name):
        try:
            with _LOADING:
                return np.load(BytesIO(item.image.read_bytes()))[name]
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise DataError(f"{item.image.name}: {error}") from None


class HandsOnRawPlanes(Arrays):
    def read_planes(self, item, classes):
        return super().read_planes(item, classes) * np.uint8(254)


class CountsBackground(Arrays):
    def read_planes(self, item, classes):
        inside = super().read_planes(item, classes)
        return np.concatenate([1 - inside, inside], axis=-1)


class ReadsThePlaneOfAnotherClass(Arrays):
    def read_planes(self, item, classes):
        return np.zeros_like(super().read_planes(item, classes))


class TakesAnything(Arrays):
    def recognises(self, source):
        return "why not"


class FindsNothingInNothing(Arrays):
    def items(self, source):
        return super().items(source) if any(source.glob("*.npz")) else []


class KnowsNothing(Arrays):
    def recognises(self, source):
        return None


class Backwards(Arrays):
    def items(self, source):
        return super().items(source)[::-1]


class KeysArePaths(Arrays):
    def items(self, source):
        return [attrs.evolve(item, key=f"images/{item.key}") for item in super().items(source)]


class AllAreOne(Arrays):
    def items(self, source):
        return [attrs.evolve(item, key="0") for item in super().items(source)]


class InventsMasks(Arrays):
    def items(self, source):
        return [attrs.evolve(item, masks=(item.image.with_suffix(".png"),)) for item in super().items(source)]


class TurnsLabels(Arrays):
    def read_labels(self, item, classes):
        return super().read_labels(item, classes).T


class HandsOnRawValues(Arrays):
    def read_labels(self, item, classes):
        return super().read_labels(item, classes) * np.uint8(200)


class GreyImages(Arrays):
    def read_image(self, item):
        return super().read_image(item)[..., 0]


class StaysInItsThread(Arrays):
    """As sqlite3's connections do."""

    def __init__(self):
        self.home = threading.get_ident()

    def read_image(self, item):
        if threading.get_ident() != self.home:
            raise DataError("opened in another thread")
        return super().read_image(item)


class ShowsGreyForDamage(Arrays):
    def read_image(self, item):
        try:
            return super().read_image(item)
        except DataError:
            return np.zeros((4, 5, 3), np.uint8)


class DoesNotSayWhich(Arrays):
    def read_image(self, item):
        try:
            return super().read_image(item)
        except DataError:
            raise DataError("an image is damaged") from None


CAUGHT_BY: dict[type, str] = {
    TakesAnything: "a_folder_of_something_else_is_refused",
    FindsNothingInNothing: "a_folder_of_something_else_is_refused",
    KnowsNothing: "its_own_layout_is_recognised_with_a_reason",
    Backwards: "items_are_sorted_and_their_keys_are_unique_file_names",
    KeysArePaths: "items_are_sorted_and_their_keys_are_unique_file_names",
    AllAreOne: "items_are_sorted_and_their_keys_are_unique_file_names",
    InventsMasks: "files_of_items_are_there",
    TurnsLabels: "images_and_labels_fit_together",
    HandsOnRawValues: "images_and_labels_fit_together",
    GreyImages: "images_and_labels_fit_together",
    HandsOnRawPlanes: "planes_hold_what_labels_hold",
    CountsBackground: "planes_hold_what_labels_hold",
    ReadsThePlaneOfAnotherClass: "planes_hold_what_labels_hold",
    StaysInItsThread: "threads_read_what_one_reads",
    ShowsGreyForDamage: "a_damaged_image_is_refused_by_its_name",
    DoesNotSayWhich: "a_damaged_image_is_refused_by_its_name",
}
READERS = Saboteurs(CAUGHT_BY, reader.CHECKS, lambda part: reader.ReaderSubject(part(), example), Arrays)
