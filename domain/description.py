"""What is known about a prepared data set: enough to derive a recipe without opening one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, frozen

from .samples import Task
from .statistics import PixelStatistics


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

    @classmethod
    def measured(
        cls,
        names: Sequence[str],
        training: PixelStatistics,
        sizes: Mapping[str, Sequence[tuple[int, int]]],
        channels: int,
        **known: Any,
    ) -> DatasetInfo:
        """Describes what was measured.

        Args:
            names: of the classes, in order of index.
            training: statistics of the training images.
            sizes: (height, width) of each image of each split, the splits in their order; empty ones are left out.
            channels: of the data set: more than training images have, where these are grey and others are not.
            known: the other fields.
        """
        heights, widths = zip(*(size for split in sizes.values() for size in split), strict=True)
        return cls(
            channels=channels,
            split_sizes={split: len(found) for split, found in sizes.items() if found},
            mean=_broadcast(training.mean, channels),
            std=_broadcast(training.std, channels),
            pixel_counts={name: int(n) for name, n in zip(names, training.pixels, strict=True)},
            ignored_pixels=training.ignored,
            class_weights={"inverse": training.inverse_weights(), "median": training.median_weights()},
            height=_spread(heights),
            width=_spread(widths),
            **known,
        )


def _broadcast(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return values if len(values) == channels else values * channels


def _spread(values: Sequence[int]) -> tuple[int, int, int]:
    ordered = sorted(values)
    return ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1]
