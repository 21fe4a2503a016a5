"""A model applied to images of any size, in arrays and out: no files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from attrs import frozen

from ..domain import html
from ..domain.arrays import IGNORE, Image, Labels, Probabilities
from ..domain.masks.decisions import decide
from ..domain.ports.backend import EvalSession
from ..domain.ports.dataset import Batcher, SampleSource, ViewingPlan
from ..domain.resampling import Fit, Frame
from ..domain.samples import Batch, Sample, Task
from ..domain.spec import ModelSpec
from .tiling import origins, window

TILES_AT_ONCE = 4


@frozen
class Images:
    """Images without labels as a SampleSource; ``whole``: what is asked for is one label an image."""

    images: tuple[Image, ...]
    whole: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> Sample:
        image = self.images[index]
        return Sample(str(index), image, np.full((1, 1) if self.whole else image.shape[:2], IGNORE, np.uint8))

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
    model was trained on resized whole images: then the image is resized, and the result is brought back.
    """

    session: EvalSession
    spec: ModelSpec
    batcher: Batcher
    tile: int = 1024
    overlap: int = 128

    def __call__(self, image: Image, *, probabilities: bool = False) -> Prediction:
        """Labels for an (H, W, C) uint8 image; with ``probabilities`` those too."""
        height, width = image.shape[:2]
        whole = self.spec.task is Task.CLASSIFICATION
        if whole or self.spec.fit is not Fit.NATIVE or max(height, width) <= self._tile:
            (values,) = self._probabilities(Images((image,), whole), self.spec.fit)
            return Prediction(decide(values, self.spec.task), values if probabilities else None)
        bands = list(self._bands(image, keep=probabilities))
        labels = np.concatenate([labels for labels, _ in bands])
        kept = np.concatenate([v for _, v in bands if v is not None]) if probabilities else None
        return Prediction(labels, kept)

    @property
    def _tile(self) -> int:
        """The tile's side, a multiple of the model's stride."""
        stride = self.spec.graph.stride
        return max(stride, self.tile // stride * stride)

    def _probabilities(self, source: SampleSource, fit: Fit) -> Iterator[Probabilities]:
        """Of every sample, at its own size."""
        plan = ViewingPlan(fit, self.spec.size, self.spec.graph.stride, TILES_AT_ONCE, workers=1)
        frames: list[tuple[Frame, ...]] = []

        def remembered() -> Iterator[Batch]:
            for batch in self.batcher.viewing(source, plan).batches(0):
                frames.append(batch.frames)
                yield batch

        for fed in self.session.feed(remembered()):
            for frame, values in zip(frames.pop(0), self.session.probabilities(fed), strict=True):
                yield frame.restore(values)

    def _bands(self, image: Image, *, keep: bool) -> Iterator[tuple[Labels, Probabilities | None]]:
        """Finished rows from the top down. Only one row of tiles is held, however large the image is."""
        height, width = image.shape[:2]
        tile, overlap = self._tile, min(self.overlap, self._tile // 2)
        tops, lefts = origins(height, tile, overlap), origins(width, tile, overlap)
        edge = window(tile, overlap)
        weights = (edge[:, None] * edge)[..., None]
        classes = len(self.spec.classes)
        total = np.zeros((min(tile, height), width, classes), np.float32)
        share = np.zeros((min(tile, height), width, 1), np.float32)
        for top, following in zip(tops, [*tops[1:], height], strict=True):
            tiles = Images(tuple(image[top : top + tile, left : left + tile] for left in lefts))
            for left, values in zip(lefts, self._probabilities(tiles, Fit.NATIVE), strict=True):
                rows, columns = values.shape[:2]
                total[:rows, left : left + columns] += values * weights[:rows, :columns]
                share[:rows, left : left + columns] += weights[:rows, :columns]
            done = following - top
            finished = (total[:done] / share[:done]).astype(np.float32, copy=False)
            yield decide(finished, self.spec.task), finished if keep else None
            for buffer in (total, share):
                buffer[: len(buffer) - done] = buffer[done:].copy()
                buffer[len(buffer) - done :] = 0
