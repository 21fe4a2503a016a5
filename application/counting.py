"""A model over a split, counted: confusion matrices of every image, and how sure it was of each pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field

from ..domain.arrays import Counts, Probabilities
from ..domain.masks.decisions import confidence, decide
from ..domain.metrics.calibration import Calibration
from ..domain.metrics.logits import LogitCounts
from ..domain.metrics.planes import count as count_pixels
from ..domain.ports.backend import EvalSession
from ..domain.ports.dataset import BatchSource
from ..domain.resampling import Fit
from ..domain.samples import Batch, Task
from ..domain.spec import ModelSpec
from .listening import Listener


@define(eq=False)
class Counted:
    """What was counted.

    Attributes:
        keys: of the images, in order.
        native: each image's confusion matrix at its own size, against the untouched label.
        resized: the same at the size the model was trained on, where masks are resized for it; else empty.
        calibration: at native size; None where it was not asked for.
        logits: at the size the model works at, where they are what it gave; None where calibration is.
    """

    calibration: Calibration | None
    logits: LogitCounts | None
    keys: list[str] = field(factory=list)
    native: list[Counts] = field(factory=list)
    resized: list[Counts] = field(factory=list)


def count(
    session: EvalSession,
    spec: ModelSpec,
    source: BatchSource,
    *,
    calibration: bool,
    listen: Listener,
    total: int,
) -> Counted:
    """Counts every batch of a viewing source, in one pass of the model.

    Matrices alone, of images that are not resized, are counted on the device. Else probabilities are brought here, and
    back to each image's own size, and decided there, by ``decide``.
    """
    classes = len(spec.classes)
    counted = Counted(Calibration.zero(classes), LogitCounts.zero(classes)) if calibration else Counted(None, None)
    on_device = (spec.fit is Fit.NATIVE or spec.task is Task.CLASSIFICATION) and not calibration
    seen: list[Batch] = []
    for fed in session.feed(_remembered(source.batches(0), seen)):
        batch = seen.pop(0)
        if on_device:
            session.tally(fed)
        else:
            _count_batch(counted, batch, session.probabilities(fed), spec)
        counted.keys += batch.keys
        listen(len(counted.keys), total)
    counted.native += session.drain().counts
    return counted


def _remembered(batches: Iterable[Batch], seen: list[Batch]) -> Iterator[Batch]:
    for batch in batches:
        seen.append(batch)
        yield batch


def _count_batch(counted: Counted, batch: Batch, values: Probabilities, spec: ModelSpec) -> None:
    classes = len(spec.classes)
    for truth, frame, value in zip(batch.natives, batch.frames, values, strict=True):
        restored = frame.restore(value)
        prediction = decide(restored, spec.task)
        counted.native.append(count_pixels(truth, prediction, classes).counts)
        if counted.calibration is not None:
            believed = Calibration.of_planes if spec.task.planes else Calibration.of
            sure = confidence(restored, prediction, spec.task)
            counted.calibration += believed(truth, prediction, sure, classes)
    if counted.logits is not None:
        counted.logits += sum(map(LogitCounts.of, batch.labels, values), LogitCounts.zero(classes))
    if spec.fit is not Fit.NATIVE and spec.task is not Task.CLASSIFICATION:
        pairs = zip(batch.labels, values, strict=True)
        counted.resized += [count_pixels(truth, decide(value, spec.task), classes).counts for truth, value in pairs]
