"""Batches of whole images, for evaluation and prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby

import numpy as np

from ...domain.arrays import Image, Labels
from ...domain.ports.dataset import KnowsSizes, SampleSource, Shard, ViewingPlan
from ...domain.resampling import Fit, Frame, Size
from ...domain.samples import Batch
from .fitting import place_image
from .ordered_map import ordered_map

_WHOLE = Shard()


class ViewingBatches:
    """Every image once, in order of index; neighbours that share a canvas share a batch."""

    def __init__(self, source: SampleSource, plan: ViewingPlan) -> None:
        self.source = source
        self.plan = plan

    def __len__(self) -> int:
        return len(self._groups)

    def batches(self, epoch: int, start: int = 0, shard: Shard = _WHOLE) -> Iterator[Batch]:
        """The batches from number ``start`` on, the same in every epoch; closing the iterator stops its threads.

        A shard takes every ``world``-th sample of each batch, from ``rank`` on; a batch without any is left out.
        """
        parts = (group[shard.rank :: shard.world] for group in self._groups[start:])
        return ordered_map(self._batch, (part for part in parts if part), self.plan.workers, self.plan.workers + 1)

    @cached_property
    def _groups(self) -> list[Sequence[int]]:
        """Indices of each batch. Worked out once: fits of one canvas need no look at the images."""
        indices = range(len(self.source))
        if self.plan.fit is not Fit.NATIVE:
            runs: list[Sequence[int]] = [indices]
        else:
            canvases = [self._frame(size).canvas for size in self._sizes()]
            runs = [list(run) for _, run in groupby(indices, key=canvases.__getitem__)]
        return [run[i : i + self.plan.batch] for run in runs for i in range(0, len(run), self.plan.batch)]

    def _sizes(self) -> Iterator[Size]:
        source = self.source
        indices = range(len(source))
        if isinstance(source, KnowsSizes):
            return map(source.size, indices)
        return ordered_map(lambda index: _size(source[index].image), indices, self.plan.workers, 2 * self.plan.workers)

    def _frame(self, native: Size) -> Frame:
        return Frame.for_fit(self.plan.fit, native, self.plan.size, self.plan.stride)

    def _batch(self, indices: Sequence[int]) -> Batch:
        images, labels, keys, frames, natives = zip(*map(self._placed, indices), strict=True)
        return Batch(np.stack(images), np.stack(labels), keys, frames, natives)

    def _placed(self, index: int) -> tuple[Image, Labels, str, Frame, Labels]:
        """A sample on the canvas. The image as it was is not kept: it may be many times as large."""
        sample = self.source[index]
        frame = Frame.of_one_pixel() if sample.whole else self._frame(_size(sample.labels))
        image = place_image(sample.image, self._frame(_size(sample.image)))
        return image, frame.place_labels(sample.labels), sample.key, frame, sample.labels


def _size(pixels: Image | Labels) -> Size:
    return pixels.shape[0], pixels.shape[1]
