"""Which metrics a model is judged by, and of which it is said how far they would move with other images."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.arrays import Counts
from ..domain.metrics.bootstrap import Interval, interval
from ..domain.metrics.overlap import metrics_for, standard_metrics
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.metric import Metric


def judges(catalogue: Catalogue, counts: Counts) -> tuple[Metric, ...]:
    """The standard metrics for an image's matrix, then those of plugins where a pixel has one class, (K, K)."""
    ours = {metric.name for metric in standard_metrics()}
    theirs = [name for name in catalogue.names("metric") if name not in ours] if counts.ndim == 2 else []
    return (*metrics_for(counts), *map(catalogue.metric, theirs))


def intervals(
    judges: Sequence[Metric], images: Sequence[Counts], names: Sequence[str], groups: Sequence[str] = ()
) -> tuple[Interval, ...]:
    """Confidence intervals of the judges of these names; none of a single image or group: it says nothing of others."""
    if len(set(groups) if groups else images) < 2:
        return ()
    return tuple(interval(judge, images, groups=groups) for judge in judges if judge.name in names)
