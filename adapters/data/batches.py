"""The batcher of this package: threads, OpenCV, and a cache for what is decoded again and again."""

from __future__ import annotations

import cv2

from ...domain.errors import DataError
from ...domain.ports.dataset import BatchSource, SampleSource, TrainingPlan, ViewingPlan
from .cache import CachedSource
from .fitting import FittedSource
from .training import TrainingBatches
from .viewing import ViewingBatches


class ThreadBatcher:
    """Makes batches in the plan's number of threads; 0 works in the caller's own.

    Making one switches off OpenCV's own threads in this process: ours work on one image each, and two pools would only
    take the cores from one another.
    """

    def __init__(self) -> None:
        cv2.setNumThreads(0)

    def training(self, source: SampleSource, plan: TrainingPlan) -> BatchSource:
        """Shuffled, augmented batches of ``plan.batch`` crops; the last short one is dropped unless it is the only one.

        For ``LETTERBOX`` and ``STRETCH`` images and labels are first brought to ``plan.size`` as in viewing, labels by
        the one rule; for ``CROP`` they are resized as in viewing, but kept whole. A crop of that then is augmented.
        Raises DataError for an empty source.
        """
        if len(source) == 0:
            raise DataError("There are no images to train on.")
        fitted = FittedSource(source, plan.fit, plan.size)
        return TrainingBatches(CachedSource(fitted) if plan.cache else fitted, plan)

    def viewing(self, source: SampleSource, plan: ViewingPlan) -> BatchSource:
        """Every image once, in order of index, unaugmented, with frames and native labels. Short batches are kept."""
        return ViewingBatches(source, plan)
