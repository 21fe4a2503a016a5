"""What is known about a prepared data set: enough to derive a recipe without opening one image."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, frozen

from .samples import Task


@frozen
class DatasetInfo:
    """Statistics measured once by ``prepare``.

    Attributes:
        name: the data set's name (its folder, unless said otherwise).
        task: what its labels mean.
        channels: image channels, 1 or 3.
        seed: of the split.
        split_sizes: images in each split, in the order train, val, test, holding.
        mean: per channel, of the training pixels divided by 255.
        std: per channel, likewise.
        pixel_counts: training pixels of each class, by class name.
        ignored_pixels: training pixels that count nowhere.
        class_weights: by scheme ("inverse", "median"), one weight a class, mean 1 over the present ones.
        height: (least, median, largest) image height in pixels.
        width: likewise.
        fingerprint: SHA-256 over ids, splits and file hashes; changes when the data does.
        source: where it was prepared from, as the user said it.
        reader: the reader that read it.
        warnings: what ``prepare`` wants the user to know.
        resized: how images were brought to one size, as "stretch to 96x96"; empty where they are as they were.
    """

    name: str
    task: Task
    channels: int
    seed: int
    split_sizes: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_counts: Mapping[str, int]
    ignored_pixels: int
    class_weights: Mapping[str, tuple[float, ...]]
    height: tuple[int, int, int]
    width: tuple[int, int, int]
    fingerprint: str
    source: str = ""
    reader: str = ""
    warnings: tuple[str, ...] = Factory(tuple)
    resized: str = ""
