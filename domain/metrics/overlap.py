"""How well each class is covered: IoU, F1 (Dice), precision, recall, specificity; and the list of all standard metrics.

TP, FP, FN and TN are pixels of one class against the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen

from ..arrays import Counts
from ..errors import UnknownNameError
from .agreement import ElementAccuracy, FrequencyWeightedIoU, Kappa, MatthewsCorrelation, PixelAccuracy
from .averages import ClassAverage, Outcomes, Values
from .confusion import Confusion
from .score import Score, class_score

if TYPE_CHECKING:
    from ..ports.metric import Metric

_NOWHERE = "neither in the truth nor predicted"
_NOT_IN_TRUTH = "that is not in the truth"


@frozen
class MeanIoU(ClassAverage):
    """Intersection over union (Jaccard index)."""

    name: ClassVar[str] = "miou"
    formula: ClassVar[str] = "TP / (TP + FP + FN)"
    undefined: ClassVar[str] = _NOWHERE

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """TP, union."""
        return outcomes.tp, outcomes.tp + outcomes.fp + outcomes.fn


@frozen
class ForegroundIoU(MeanIoU):
    """IoU without class 0: of a binary task, the IoU of its foreground."""

    name: ClassVar[str] = "iou"
    include_background: bool = False


@frozen
class F1(ClassAverage):
    """F1 score, the same number as the Dice coefficient."""

    name: ClassVar[str] = "f1"
    formula: ClassVar[str] = "2 TP / (2 TP + FP + FN)"
    undefined: ClassVar[str] = _NOWHERE

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """Twice TP, pixels in truth and prediction."""
        return 2 * outcomes.tp, 2 * outcomes.tp + outcomes.fp + outcomes.fn


@frozen
class Precision(ClassAverage):
    """The share of what is predicted that is right."""

    name: ClassVar[str] = "precision"
    formula: ClassVar[str] = "TP / (TP + FP)"
    undefined: ClassVar[str] = "that is never predicted"

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """TP, predicted pixels."""
        return outcomes.tp, outcomes.tp + outcomes.fp


@frozen
class Recall(ClassAverage):
    """The share of what is there that is found (sensitivity)."""

    name: ClassVar[str] = "recall"
    formula: ClassVar[str] = "TP / (TP + FN)"
    undefined: ClassVar[str] = _NOT_IN_TRUTH

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """TP, true pixels."""
        return outcomes.tp, outcomes.tp + outcomes.fn


@frozen
class BalancedAccuracy(Recall):
    """Mean recall of the classes in the truth: pixel accuracy if all classes were equally frequent."""

    name: ClassVar[str] = "balanced-accuracy"


@frozen
class Specificity(ClassAverage):
    """The share of other classes' pixels that are not taken for this class."""

    name: ClassVar[str] = "specificity"
    formula: ClassVar[str] = "TN / (TN + FP)"
    undefined: ClassVar[str] = "that is everywhere in the truth"

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """TN, pixels of other classes."""
        return outcomes.tn, outcomes.tn + outcomes.fp


@frozen
class ClassAccuracy(ClassAverage):
    """Accuracy of each class against the rest. High for every rare class, so read it beside its IoU."""

    name: ClassVar[str] = "class-accuracy"
    formula: ClassVar[str] = "(TP + TN) / all pixels"
    undefined: ClassVar[str] = "of an image without a counted pixel"

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """Right pixels, all pixels."""
        right = outcomes.tp + outcomes.tn
        return right, right + outcomes.fp + outcomes.fn


@frozen
class OneClass:
    """The value of one class of another metric: ``OneClass(MeanIoU(), 3, "car")`` is called "miou:car"."""

    metric: Metric
    index: int
    label: str = field(default="")

    @property
    def name(self) -> str:
        """The metric's name and the class."""
        return f"{self.metric.name}:{self.label or self.index}"

    @property
    def higher_is_better(self) -> bool:
        """As the metric."""
        return self.metric.higher_is_better

    def __call__(self, confusion: Confusion) -> Score:
        """Raises InvalidSpecError when there is no such class, or the metric has no classes."""
        return class_score(self.metric(confusion), self.index, self.label)


def standard_metrics() -> tuple[Metric, ...]:
    """Every metric of the library with its default options, in the order tables show them."""
    return (
        MeanIoU(),
        ForegroundIoU(),
        F1(),
        Precision(),
        Recall(),
        Specificity(),
        PixelAccuracy(),
        BalancedAccuracy(),
        ClassAccuracy(),
        FrequencyWeightedIoU(),
        Kappa(),
        MatthewsCorrelation(),
    )


def plane_metrics() -> tuple[Metric, ...]:
    """Those of classes that may overlap: there is no background among them, and no class that another is taken for."""
    return (MeanIoU(), F1(), Precision(), Recall(), Specificity(), ElementAccuracy(), FrequencyWeightedIoU())


def metrics_for(counts: Counts) -> tuple[Metric, ...]:
    """The metrics of an image's matrix, or of their sum: ``plane_metrics`` where it is (K, 2, 2)."""
    return plane_metrics() if counts.ndim == 3 else standard_metrics()


ALIASES: Mapping[str, str] = {"dice": "f1", "jaccard": "miou", "sensitivity": "recall", "pixel-accuracy": "accuracy"}


def metric(name: str, classes: Sequence[str] = ()) -> Metric:
    """A standard metric by name or alias; "iou:nucleus" or "iou:1" is the value of one class of ``classes``.

    Raises UnknownNameError, with the nearest known names, for an unknown metric or class.
    """
    head, colon, label = name.partition(":")
    known = {metric.name: metric for metric in standard_metrics()}
    wanted = known.get(ALIASES.get(head, head))
    if wanted is None:
        raise UnknownNameError.of("metric", head, [*known, *ALIASES])
    if not colon:
        return wanted
    return OneClass(wanted, _class_index(label, classes), label)


def _class_index(label: str, classes: Sequence[str]) -> int:
    if label in classes:
        return list(classes).index(label)
    if label.isdecimal() and (not classes or int(label) < len(classes)):
        return int(label)
    raise UnknownNameError.of("class", label, classes)
