"""One row for each class, as every report shows it: what it scored, and from how many pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from ..arrays import Counts
from .averages import Outcomes, divide
from .overlap import F1, ClassAccuracy, MeanIoU, Precision, Recall
from .planes import kind_of


@frozen
class ClassRow:
    """The numbers of one class, aggregated over the data set; NaN where undefined.

    Attributes:
        support: pixels of the class in the truth.
        predicted: pixels predicted as the class.
        absent: true when the class is neither in the truth nor predicted: it then has no part in any mean.
    """

    name: str
    iou: float
    dice: float
    precision: float
    recall: float
    accuracy: float
    support: int
    predicted: int
    absent: bool


def class_rows(images: Sequence[Counts], names: Sequence[str]) -> tuple[ClassRow, ...]:
    """A row for each class from the matrices of the images. Raises DataError if their size is not that of ``names``."""
    kind = kind_of(images)
    total = kind.sum(map(kind, images), len(names))
    outcomes = Outcomes.of(total)
    metrics = (MeanIoU(), F1(), Precision(), Recall(), ClassAccuracy())
    iou, dice, precision, recall, accuracy = (divide(*metric.ratio(outcomes)).tolist() for metric in metrics)
    support, predicted = total.support.tolist(), total.predicted.tolist()
    return tuple(
        ClassRow(
            name=name,
            iou=iou[k],
            dice=dice[k],
            precision=precision[k],
            recall=recall[k],
            accuracy=accuracy[k],
            support=support[k],
            predicted=predicted[k],
            absent=support[k] == predicted[k] == 0,
        )
        for k, name in enumerate(names)
    )


def shown(value: float, digits: int = 4) -> str:
    """A score as tables print it: "0.8312", or "absent" for NaN."""
    return "absent" if math.isnan(value) else f"{value:.{digits}f}"
