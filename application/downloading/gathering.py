"""From what is fetched to a data set's folder: one function for each kind of public data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ...domain.downloads.descriptions import ArchivedData, IndexedData, RemoteFile, filled
from ...domain.downloads.selection import MaskRow, choose_images, labels_of, mask_rows
from ...domain.errors import DataError
from .transfers import Transfers

_SHOWN = 5


@frozen
class Wish:
    """Which part of an indexed data set is wanted: classes by name, images of each class and split, splits."""

    classes: tuple[str, ...]
    count: int | None
    splits: tuple[str, ...]


def gather_archives(data: ArchivedData, transfers: Transfers) -> tuple[str, ...]:
    """Fetches and unpacks every archive, and adds the small files."""
    transfers.fetch(data.archives)
    for archive in data.archives:
        if not transfers.unpack(archive, data.place):
            raise DataError(
                f"{archive.url}: nothing in it lies where it is expected ({', '.join(p for p, _ in data.layout)}).",
                fix="The archive was changed at its source: use an earlier copy, or a mirror that has it.",
            )
    for path, text in data.added.items():
        transfers.folder.write_text(path, text)
    return ()


def gather_indexed(data: IndexedData, wish: Wish, transfers: Transfers) -> tuple[str, ...]:
    """Fetches the indexes, chooses, fetches images and masks of what was chosen, and writes the indexes of that.

    Returns:
        What is missing at its source, or was not found, a sentence each.
    """
    folder = transfers.folder
    transfers.fetch([data.names, *data.tables])
    labels = labels_of(wish.classes, folder.rows(data.names.path))
    transfers.fetch([filled(data.index, split=split) for split in wish.splits])
    for table in (data.names, *data.tables):
        folder.keep(table.path)
    parts = [_Split(data, split, labels, transfers) for split in wish.splits]
    chosen = [part.choose(wish.count) for part in parts]
    if not any(images for choice in chosen for images in choice.values()):
        raise DataError(
            f"No masks of {', '.join(labels.values())} in {', '.join(wish.splits)}.",
            fix="Masks are of the most specific classes: 'Cat', not 'Animal'. Choose others with --classes.",
        )
    notes: list[str] = []
    for part, choice in zip(parts, chosen, strict=True):
        notes += [f"{part.split}: no masks of {labels[label]}" for label, images in choice.items() if not images]
        if images := frozenset().union(*choice.values()):
            notes += part.gather(images)
    return tuple(notes)


@frozen
class _Split:
    """One split of an indexed data set."""

    data: IndexedData
    split: str
    labels: Mapping[str, str]
    transfers: Transfers

    @property
    def index(self) -> RemoteFile:
        return filled(self.data.index, split=self.split)

    def choose(self, count: int | None) -> Mapping[str, Sequence[str]]:
        return choose_images(self._rows(), self.labels, count)

    def gather(self, images: frozenset[str]) -> Iterator[str]:
        """Fetches images and masks, and writes the index of those that are there; yields what is not."""
        rows = [row for row in self._rows() if row.image in images and row.label in self.labels]
        masks = self._masks(images, {row.mask for row in rows})
        files = {image: filled(self.data.image, split=self.split, image=image) for image in sorted(images)}
        here = self.transfers.fetch(list(files.values()), optional=True)
        kept = [row for row in rows if row.mask in masks and files[row.image].path in here]
        for image in dict.fromkeys(row.image for row in kept):
            self.transfers.folder.keep(files[image].path)
        header = next(self.transfers.folder.rows(self.index.path))
        self.transfers.folder.write_rows(self.index.path, [header, *(row.cells for row in kept)])
        yield from _note(self.split, "images", [image for image, file in files.items() if file.path not in here])
        yield from _note(self.split, "masks", [row.mask for row in rows if row.mask not in masks])

    def _masks(self, images: frozenset[str], wanted: set[str]) -> set[str]:
        """Fetches the archives of the images' masks and unpacks those that are wanted; returns which were there."""
        digits = sorted({image[0] for image in images})
        archives = [filled(self.data.masks, split=self.split, digit=digit) for digit in digits]
        self.transfers.fetch(archives)
        folder = f"masks/{self.split}"
        found: set[str] = set()
        for archive in archives:
            found.update(self.transfers.unpack(archive, lambda name: f"{folder}/{name}" if name in wanted else None))
        return found

    def _rows(self) -> Iterator[MaskRow]:
        return mask_rows(self.transfers.folder.rows(self.index.path), self.index.url)


def _note(split: str, what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = ", ..." if len(names) > _SHOWN else ""
        yield f"{split}: {len(names)} {what} are missing at their source: {', '.join(names[:_SHOWN])}{more}"
