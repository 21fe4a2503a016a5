"""A metric: arithmetic on the confusion matrix, which every framework counts alike."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import frozen

from ...domain.metrics.averages import Outcomes, divide
from ...domain.metrics.confusion import Confusion
from ...domain.metrics.score import Score


@frozen
class ExampleMetric:
    """The IoU of the class that is found worst."""

    name: ClassVar[str] = "example"
    higher_is_better: ClassVar[bool] = True

    def __call__(self, confusion: Confusion) -> Score:
        """In [0, 1]; NaN where there is no class at all. A score says in words how it was computed."""
        of = Outcomes.of(confusion)
        iou = divide(of.tp, of.tp + of.fp + of.fn)
        definition = "Least TP / (TP + FP + FN) of all classes. A class neither in the truth nor predicted is left out."
        return Score(self.name, np.nan if np.isnan(iou).all() else np.nanmin(iou), iou, confusion.support, definition)
