"""The numbers of an epoch, by the names of the columns of metrics.csv."""

from __future__ import annotations

from math import nan

import numpy as np

from ...domain.classes import ClassMap
from ...domain.metrics.overlap import metrics_for
from ...domain.metrics.planes import kind_of
from ...domain.ports.backend import EvalTally
from .progress import Progress

METRICS = ("miou", "f1", "accuracy", "precision", "recall")


def columns(classes: ClassMap) -> tuple[str, ...]:
    """Names of all numbers of an epoch, in order."""
    per_class = tuple(f"val_iou_{name}" for name in classes.names)
    return (*(f"{part}_{name}" for part in ("train", "val") for name in ("loss", *METRICS)), *per_class)


def epoch_metrics(progress: Progress, validation: EvalTally | None, classes: ClassMap) -> dict[str, float]:
    """Training numbers from the epoch's own steps, each with its own weights; validation ones over the whole split.

    Scores are aggregated over the data set: counts are summed first. Both losses are of the same formula and outputs;
    that of training is the mean over the steps, on augmented images. NaN without validation.
    """
    judges = {metric.name: metric for metric in metrics_for(progress.counts)}
    kind, nothing = kind_of([progress.counts]), np.zeros_like(progress.counts)
    trained, seen = kind(progress.counts), kind(sum(validation.counts, start=nothing) if validation else nothing)
    metrics = {"train_loss": progress.mean_loss}
    metrics |= {f"train_{name}": judges[name](trained).value for name in METRICS}
    metrics |= {"val_loss": validation.mean_loss if validation is not None else nan}
    metrics |= {f"val_{name}": judges[name](seen).value for name in METRICS}
    per_class = judges["miou"](seen).per_class
    assert per_class is not None
    return metrics | {f"val_iou_{name}": float(v) for name, v in zip(classes.names, per_class, strict=True)}
