"""What every reader of a layout must do. Most of it needs a folder in that layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
from attrs import frozen

from ...domain.arrays import IGNORE, Image, Labels
from ...domain.classes import ClassMap
from ...domain.errors import DataError
from ...domain.ports.dataset import Reader, ReadsPlanes, SourceItem
from . import expect

_ITEMS = 8
_COPIED = 64 << 20
_THREADS = 4

Data: TypeAlias = Path | Callable[[Path], None]
"""A folder in a reader's layout, or what writes one into an empty folder."""


@frozen(eq=False)
class ReaderSubject:
    """A reader under check, and data in its layout where there are any."""

    reader: Reader
    data: Data | None = None

    @contextmanager
    def source(self) -> Iterator[Path]:
        """The data, for a ``with`` block."""
        if self.data is None:
            raise expect.Lacking("a folder in its layout: --data DIR")
        if isinstance(self.data, Path):
            if not self.reader.recognises(self.data):
                raise expect.Lacking(f"a folder in its layout, which {self.data} is not")
            yield self.data
            return
        with TemporaryDirectory() as folder:
            self.data(Path(folder))
            yield Path(folder)

    def items(self, source: Path) -> Sequence[SourceItem]:
        """Some of the items, from first to last."""
        found = self.reader.items(source)
        expect.that(len(found) > 0, "there is no item in a folder of its layout")
        return found[:: -(-len(found) // _ITEMS)]

    def classes(self, source: Path) -> ClassMap:
        """The class map that the folder carries."""
        classes = self.reader.classes(source)
        if classes is None:
            raise expect.Lacking("a class table in the folder: class_dict.csv")
        return classes


def a_folder_of_something_else_is_refused(subject: ReaderSubject) -> None:
    """An empty one is not recognised; asked for items, it and one that is not there raise DataError."""
    with TemporaryDirectory() as name:
        empty = Path(name)
        found = subject.reader.recognises(empty)
        expect.that(found is None, f"an empty folder is taken for its layout: {found!r}")
        expect.raises(DataError, "an empty folder", lambda: subject.reader.items(empty))
        expect.raises(DataError, "a folder that is not there", lambda: subject.reader.items(empty / "gone"))


def its_own_layout_is_recognised_with_a_reason(subject: ReaderSubject) -> None:
    """In words that say what was found."""
    with subject.source() as source:
        expect.that(bool(subject.reader.recognises(source)), "a folder of its layout is not recognised")


def items_are_sorted_and_their_keys_are_unique_file_names(subject: ReaderSubject) -> None:
    """A key names the files of a data set, so it holds nothing that a path would not."""
    with subject.source() as source:
        keys = [item.key for item in subject.reader.items(source)]
    expect.that(keys == sorted(keys), "items are not sorted by key")
    expect.that(len(set(keys)) == len(keys), f"{len(keys) - len(set(keys))} keys are given twice")
    odd = [key for key in keys if not key or Path(key).name != key]
    expect.that(not odd, f"no file can be called {odd[:3]}")


def files_of_items_are_there(subject: ReaderSubject) -> None:
    """The image, and all that says what is where."""
    with subject.source() as source:
        gone = [path for item in subject.items(source) for path in (item.image, *item.masks) if not path.is_file()]
    expect.that(not gone, f"no such file: {', '.join(map(str, gone[:3]))}")


def images_and_labels_fit_together(subject: ReaderSubject) -> None:
    """(H, W, C) uint8, and labels of (H, W) or one of the whole image; every label is a class, or ignored."""
    with subject.source() as source:
        classes = subject.classes(source)
        for item in subject.items(source):
            image, labels = _read(subject, item, classes)
            expect.that(image.ndim == 3 and image.dtype == np.uint8, f"{item.key}: an image of {_words(image)}")
            fits = labels.ndim >= 2 and labels.shape[:2] in (image.shape[:2], (1, 1))
            expect.that(fits, f"{item.key}: an image of {image.shape} with labels of {labels.shape}")
            expect.that(labels.dtype == np.uint8, f"{item.key}: labels of {labels.dtype}, expected uint8")
            odd = set(np.unique(labels).tolist()) - {*range(len(classes)), IGNORE}
            expect.that(not odd, f"{item.key}: labels {sorted(odd)[:5]} of {len(classes)} classes")


def planes_hold_what_labels_hold(subject: ReaderSubject) -> None:
    """One of 0, 1 and ignored pixels for each class but background; what labels show of a class, its plane has too.

    A reader of one class a pixel need not have planes.
    """
    reader = subject.reader
    if not isinstance(reader, ReadsPlanes):
        return
    with subject.source() as source:
        classes = subject.classes(source)
        apart = classes.without_background()
        for item in subject.items(source):
            image, labels = _read(subject, item, classes)
            planes = reader.read_planes(item, apart)
            wanted = (*image.shape[:2], len(apart))
            expect.that(planes.shape == wanted, f"{item.key}: planes of {planes.shape}, expected {wanted}")
            expect.that(planes.dtype == np.uint8, f"{item.key}: planes of {planes.dtype}, expected uint8")
            odd = set(np.unique(planes).tolist()) - {0, 1, IGNORE}
            expect.that(not odd, f"{item.key}: planes hold {sorted(odd)[:5]}")
            for k, name in enumerate(apart.names):
                shown = bool((labels == classes.index(name)).any())
                expect.that(not shown or bool((planes[..., k] == 1).any()), f"{item.key}: no {name} in its plane")


def threads_read_what_one_reads(subject: ReaderSubject) -> None:
    """Several workers use one reader at once."""
    with subject.source() as source, ThreadPoolExecutor(_THREADS) as pool:
        classes = subject.classes(source)
        items = subject.items(source)
        alone = [_read(subject, item, classes) for item in items]
        for _ in range(_THREADS):
            together = list(pool.map(lambda item: _read(subject, item, classes), items))
            for item, right, found in zip(items, alone, together, strict=True):
                expect.equal(f"{item.key}: the image", found[0], right[0])
                expect.equal(f"{item.key}: labels", found[1], right[1])


def a_damaged_image_is_refused_by_its_name(subject: ReaderSubject) -> None:
    """DataError, with the file in its message: cut off, or no image at all."""
    with _copied(subject) as source:
        item = subject.items(source)[0]
        whole = item.image.read_bytes()
        for content in (whole[: len(whole) // 2], b"", b"this is no image"):
            item.image.write_bytes(content)
            try:
                subject.reader.read_image(item)
            except DataError as error:
                expect.that(item.image.name in str(error), f"the error does not name {item.image.name}: {error}")
            else:
                raise expect.CheckFailed(f"{len(content)} of {len(whole)} bytes of an image were read as one")


@contextmanager
def _copied(subject: ReaderSubject) -> Iterator[Path]:
    with subject.source() as source:
        if not isinstance(subject.data, Path):
            yield source
            return
        size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
        if size > _COPIED:
            raise expect.Lacking(f"a folder of at most {_COPIED >> 20} MB, to damage a copy of")
        with TemporaryDirectory() as name:
            yield Path(shutil.copytree(source, Path(name) / source.name))


def _read(subject: ReaderSubject, item: SourceItem, classes: ClassMap) -> tuple[Image, Labels]:
    return subject.reader.read_image(item), subject.reader.read_labels(item, classes)


def _words(image: Image) -> str:
    return f"{image.dtype} and shape {image.shape}, expected uint8 and (H, W, C)"


CHECKS = (
    a_folder_of_something_else_is_refused,
    its_own_layout_is_recognised_with_a_reason,
    items_are_sorted_and_their_keys_are_unique_file_names,
    files_of_items_are_there,
    images_and_labels_fit_together,
    planes_hold_what_labels_hold,
    threads_read_what_one_reads,
    a_damaged_image_is_refused_by_its_name,
)
