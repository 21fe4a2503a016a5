"""The numbers of an epoch, by the names of the columns of metrics.csv."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.arrays import Counts
from ...domain.classes import ClassMap
from ...domain.metrics.confusion import Confusion
from ...domain.metrics.overlap import standard_metrics
from .progress import Progress

TRAIN_METRICS = ("miou", "accuracy")
VALIDATION_METRICS = ("miou", "f1", "accuracy", "precision", "recall")


def columns(classes: ClassMap) -> tuple[str, ...]:
    """Names of all numbers of an epoch, in order."""
    per_class = tuple(f"val_iou_{name}" for name in classes.names)
    return ("train_loss", *(f"train_{m}" for m in TRAIN_METRICS), *(f"val_{m}" for m in VALIDATION_METRICS), *per_class)


def epoch_metrics(progress: Progress, validation: Sequence[Counts], classes: ClassMap) -> dict[str, float]:
    """Training numbers from the epoch's own steps, each with its own weights; validation ones over the whole split.

    All are aggregated over the data set: counts are summed first. NaN without validation.
    """
    judges = {metric.name: metric for metric in standard_metrics()}
    trained = Confusion(progress.counts)
    seen = Confusion(sum(validation[1:], start=validation[0])) if validation else Confusion.zero(len(classes))
    metrics = {"train_loss": progress.mean_loss}
    metrics |= {f"train_{name}": judges[name](trained).value for name in TRAIN_METRICS}
    metrics |= {f"val_{name}": judges[name](seen).value for name in VALIDATION_METRICS}
    per_class = judges["miou"](seen).per_class
    assert per_class is not None
    return metrics | {f"val_iou_{name}": float(v) for name, v in zip(classes.names, per_class, strict=True)}
