"""A model over a split, counted: confusion matrices of every image, and how sure it was of each pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from attrs import define, field, frozen

from ..domain.arrays import Counts, Labels, Probabilities
from ..domain.masks.decisions import confidence, decide
from ..domain.metrics.calibration import Calibration
from ..domain.metrics.logits import LogitCounts
from ..domain.metrics.planes import count as count_pixels
from ..domain.ports.dataset import BatchSource, KnowsSizes, SampleSource, ViewingPlan
from ..domain.resampling import Fit, Size
from ..domain.samples import Batch, Sample, Task
from ..domain.spec import ModelSpec
from .listening import FileListener
from .predictor import Band, Predictor, restored


@define(eq=False)
class Counted:
    """What was counted.

    The matrices lie in a block of their own, made beforehand. As little arrays, one an image, they would be kept at the
    edges of the large ones that come and go between them: those find the gap they left too narrow then, and the heap
    grows with every image.

    Attributes:
        native: (n, K, K) each image's confusion matrix at its own size, against the untouched label; of planes
            (n, K, 2, 2).
        resized: the same at the size the model was trained on, where masks are resized for it; else of no image.
        calibration: at native size; None where it was not asked for.
        logits: at the size the model works at, where they are what it gave; None where calibration is.
        keys: of the images counted so far, in order.
    """

    native: Counts
    resized: Counts
    calibration: Calibration | None
    logits: LogitCounts | None
    keys: list[str] = field(factory=list)

    @classmethod
    def nothing(cls, images: int, spec: ModelSpec, *, calibration: bool) -> Counted:
        """Of none of so many images yet."""
        classes = len(spec.classes)
        shape = spec.task.matrix(classes)
        native = np.zeros((images, *shape), np.int64)
        resized = np.zeros((images if _resizes(spec) else 0, *shape), np.int64)
        if not calibration:
            return cls(native, resized, None, None)
        return cls(native, resized, Calibration.zero(classes), LogitCounts.zero(classes))


@frozen
class Stretch:
    """Some samples of a source, whose sizes are known, as a source."""

    source: SampleSource
    sizes: Sequence[Size]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> Sample:
        return self.source[self.indices[index]]

    def size(self, index: int) -> Size:
        """(height, width) of an image."""
        return self.sizes[self.indices[index]]


def count(
    predictor: Predictor, source: SampleSource, plan: ViewingPlan, *, calibration: bool, listen: FileListener
) -> Counted:
    """Counts every image of a source, in order, in one pass of the model.

    An image that ``predict`` would cut into tiles is cut here too, and counted a band of rows at a time. Of the others,
    matrices alone, of images that are not resized, are counted on the device. Else probabilities are brought here, and
    back to each image's own size, and decided there, by ``decide``.
    """
    spec = predictor.spec
    counted = Counted.nothing(len(source), spec, calibration=calibration)

    def told(done: int) -> None:
        listen(done, len(source))

    if spec.fit is not Fit.NATIVE:
        _count_batches(counted, predictor, predictor.batcher.viewing(source, plan), told)
        return counted
    sizes = _sizes(source)
    for large, indices in groupby(range(len(source)), key=lambda index: predictor.cuts(sizes[index])):
        stretch = Stretch(source, sizes, list(indices))
        if large:
            _count_large(counted, predictor, stretch, told)
        else:
            _count_batches(counted, predictor, predictor.batcher.viewing(stretch, plan), told)
    return counted


def _sizes(source: SampleSource) -> list[Size]:
    indices = range(len(source))
    if isinstance(source, KnowsSizes):
        return list(map(source.size, indices))
    shapes = (source[index].image.shape for index in indices)
    return [(height, width) for height, width, _ in shapes]


def _count_large(counted: Counted, predictor: Predictor, source: SampleSource, told: Callable[[int], None]) -> None:
    """One image after another; nothing is read ahead."""
    for index in range(len(source)):
        sample = source[index]
        matrix = _count_image(counted, predictor.spec, sample.labels, predictor.bands(sample.image), True)
        counted.native[len(counted.keys)] = matrix
        counted.keys.append(sample.key)
        told(len(counted.keys))


def _count_batches(counted: Counted, predictor: Predictor, source: BatchSource, told: Callable[[int], None]) -> None:
    session, spec = predictor.session, predictor.spec
    on_device = not _resizes(spec) and counted.calibration is None
    seen: list[Batch] = []
    for fed in session.feed(_remembered(source.batches(0), seen)):
        batch = seen.pop(0)
        if on_device:
            session.tally(fed)
        else:
            _count_batch(counted, batch, session.probabilities(fed), spec)
        counted.keys += batch.keys
        told(len(counted.keys))
    if on_device:
        counts = session.drain().counts
        counted.native[len(counted.keys) - len(counts) : len(counted.keys)] = counts


def _remembered(batches: Iterable[Batch], seen: list[Batch]) -> Iterator[Batch]:
    for batch in batches:
        seen.append(batch)
        yield batch


def _count_batch(counted: Counted, batch: Batch, values: Probabilities, spec: ModelSpec) -> None:
    classes, first = len(spec.classes), len(counted.keys)
    for index, (truth, frame, value) in enumerate(zip(batch.natives, batch.frames, values, strict=True), first):
        counted.native[index] = _count_image(counted, spec, truth, restored(frame, value), False)
    if counted.logits is not None:
        counted.logits += sum(map(LogitCounts.of, batch.labels, values), LogitCounts.zero(classes))
    if _resizes(spec):
        for index, (truth, value) in enumerate(zip(batch.labels, values, strict=True), first):
            counted.resized[index] = count_pixels(truth, decide(value, spec.task), classes).counts


def _resizes(spec: ModelSpec) -> bool:
    """Whether masks are resized for the model."""
    return spec.fit is not Fit.NATIVE and spec.task is not Task.CLASSIFICATION


def _count_image(counted: Counted, spec: ModelSpec, truth: Labels, bands: Iterable[Band], logits: bool) -> Counts:
    """An image's matrix at native size; calibration, and with ``logits`` those, are added to what was counted."""
    classes, parts = len(spec.classes), []
    for rows, values in bands:
        prediction = decide(values, spec.task)
        parts.append(count_pixels(truth[rows], prediction, classes).counts)
        if counted.calibration is not None:
            believed = Calibration.of_planes if spec.task.planes else Calibration.of
            sure = confidence(values, prediction, spec.task)
            counted.calibration += believed(truth[rows], prediction, sure, classes)
        if logits and counted.logits is not None:
            counted.logits += LogitCounts.of(truth[rows], values)
    return np.asarray(np.sum(parts, axis=0), np.int64)
