"""Which metrics a model is judged by."""

from __future__ import annotations

from ..domain.arrays import Counts
from ..domain.metrics.overlap import metrics_for, standard_metrics
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.metric import Metric


def judges(catalogue: Catalogue, counts: Counts) -> tuple[Metric, ...]:
    """The standard metrics for an image's matrix, then those of plugins where a pixel has one class, (K, K)."""
    ours = {metric.name for metric in standard_metrics()}
    theirs = [name for name in catalogue.names("metric") if name not in ours] if counts.ndim == 2 else []
    return (*metrics_for(counts), *map(catalogue.metric, theirs))
