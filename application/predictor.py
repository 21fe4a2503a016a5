"""A model applied to images of any size, in arrays and out: no files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from attrs import frozen

from ..domain import html
from ..domain.arrays import IGNORE, Image, Labels, Probabilities
from ..domain.masks.decisions import decide
from ..domain.ports.backend import EvalSession
from ..domain.ports.dataset import Batcher, SampleSource, ViewingPlan
from ..domain.resampling import Fit, Frame, Size
from ..domain.samples import Batch, Sample, Task
from ..domain.spec import ModelSpec
from ..domain.terms import OVERLAP, TILE
from .tiling import row_blocks, shares

_AT_ONCE = 1 << 20
"""Pixels of the tiles that share a batch: what the network holds of them, not the image, decides on the memory."""

Band: TypeAlias = tuple[slice, Probabilities]
"""Some rows of an image, and their (h, W, K) float32 probabilities."""


@frozen
class Images:
    """Images without labels as a SampleSource; ``whole``: what is asked for is one label an image."""

    images: tuple[Image, ...]
    whole: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> Sample:
        image = self.images[index]
        none = np.broadcast_to(np.uint8(IGNORE), (1, 1) if self.whole else image.shape[:2])  # takes no memory
        return Sample(str(index), image, none)

    def size(self, index: int) -> tuple[int, int]:
        """(height, width) of an image."""
        height, width = self.images[index].shape[:2]
        return height, width


@frozen(eq=False)
class Prediction:
    """``labels`` (H, W) at the image's own size; ``probabilities`` (H, W, K) float32 where they were asked for.

    Of a classifier both are of one pixel; of a multilabel model labels are (H, W, K) planes.
    """

    labels: Labels
    probabilities: Probabilities | None = None

    def _repr_html_(self) -> str:
        """In a notebook: the labels in default colours."""
        return html.pictures(html.painted(self.labels, (32, 32)), caption=f"labels {self.labels.shape}")


@frozen(eq=False)
class Predictor:
    """Predicts one image after another.

    An image larger than ``tile`` is cut into tiles that share ``overlap`` pixels and are blended smoothly, unless the
    model was trained on resized whole images: then the image is resized, and the result is brought back. Either way
    probabilities are held for some rows only, however large the image is.
    """

    session: EvalSession
    spec: ModelSpec
    batcher: Batcher
    tile: int = TILE
    overlap: int = OVERLAP

    def __call__(self, image: Image, *, probabilities: bool = False) -> Prediction:
        """Labels for an (H, W, C) uint8 image; with ``probabilities`` those too."""
        shape = self.shape(image)
        labels = np.empty(shape if self.spec.task.planes else shape[:2], np.uint8)
        values = np.empty(shape, np.float32) if probabilities else None
        for rows, band in self.bands(image):
            labels[rows] = decide(band, self.spec.task)
            if values is not None:
                values[rows] = band
        return Prediction(labels, values)

    def shape(self, image: Image) -> tuple[int, int, int]:
        """(H, W, K) of the probabilities of an image; of a classifier (1, 1, K)."""
        height, width = (1, 1) if self._whole else image.shape[:2]
        return height, width, len(self.spec.classes)

    def cuts(self, size: Size) -> bool:
        """Whether an image of that (height, width) is cut into tiles."""
        return not self._whole and self.spec.fit is Fit.NATIVE and max(size) > self._tile

    def bands(self, image: Image) -> Iterator[Band]:
        """The image's rows from the top down, a band at a time. One may be overwritten when the next is asked for."""
        if self.cuts(image.shape[:2]):
            yield from self._blended(image)
            return
        ((frame, values),) = self._outputs(Images((image,), self._whole), self.spec.fit)
        yield from restored(frame, values)

    @property
    def _whole(self) -> bool:
        return self.spec.task is Task.CLASSIFICATION

    @property
    def _tile(self) -> int:
        """The tile's side, a multiple of the model's stride."""
        stride = self.spec.graph.stride
        return max(stride, self.tile // stride * stride)

    def _outputs(self, source: SampleSource, fit: Fit) -> Iterator[tuple[Frame, Probabilities]]:
        """Of every sample, on its frame's canvas."""
        plan = ViewingPlan(fit, self.spec.size, self.spec.graph.stride, max(1, _AT_ONCE // self._tile**2), workers=1)
        frames: list[tuple[Frame, ...]] = []

        def remembered() -> Iterator[Batch]:
            for batch in self.batcher.viewing(source, plan).batches(0):
                frames.append(batch.frames)
                yield batch

        for fed in self.session.feed(remembered()):
            yield from zip(frames.pop(0), self.session.probabilities(fed), strict=True)

    def _blended(self, image: Image) -> Iterator[Band]:
        """Of an image in tiles. Only one row of tiles is held."""
        height, width = image.shape[:2]
        tile, overlap = self._tile, min(self.overlap, self._tile // 2)
        down, across = shares(height, tile, overlap), shares(width, tile, overlap)
        strip = np.zeros((min(tile, height), width, len(self.spec.classes)), np.float32)
        for (top, down_share), following in zip(down.items(), [*list(down)[1:], height], strict=True):
            tiles = Images(tuple(image[top : top + tile, left : left + tile] for left in across))
            for (left, share), (frame, output) in zip(across.items(), self._outputs(tiles, Fit.NATIVE), strict=True):
                strip[:, left : left + tile] += frame.restore(output) * (down_share[:, None] * share)[..., None]
            done = following - top
            for block in row_blocks((done, *strip.shape[1:])):
                yield slice(top + block.start, top + block.stop), strip[block]
            strip[: len(strip) - done] = strip[done:].copy()
            strip[len(strip) - done :] = 0


def restored(frame: Frame, values: Probabilities) -> Iterator[Band]:
    """Probabilities on a frame's canvas, brought back to the image's own size: its rows from the top down, in bands."""
    for rows in row_blocks((*frame.native, values.shape[-1])):
        yield rows, frame.restore(values, rows)
