"""Metrics broken on purpose."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from segport.domain.metrics.overlap import MeanIoU
from segport.plugins.conformance import metric_checks as metric
from segport.tests.conformance.saboteurs.kind import Saboteurs


class Iou:
    name = "iou"
    higher_is_better = True

    def __call__(self, confusion):
        return attrs.evolve(MeanIoU()(confusion), name="iou", **self.changes(confusion))

    def changes(self, confusion) -> dict[str, Any]:
        return {}


class HasNoDefinition(Iou):
    def changes(self, confusion):
        return {"definition": ""}


class LowerIsBetter(Iou):
    higher_is_better = False


class NothingIsPerfect(Iou):
    def changes(self, confusion):
        return {"value": 1.0 if confusion.total else float("nan")}


class AbsentIsZero(Iou):
    def changes(self, confusion):
        return {"value": np.nan_to_num(MeanIoU()(confusion).per_class).mean() if confusion.total else float("nan")}


class EmptyIsOne(Iou):
    def changes(self, confusion):
        return {"value": MeanIoU()(confusion).value if confusion.total else 1.0}


class LastClassCountsTwice(Iou):
    def changes(self, confusion):
        per_class = MeanIoU()(confusion).per_class
        return {"value": (per_class.sum() + per_class[-1]) / (len(per_class) + 1)}


class RunningMean(Iou):
    def __init__(self):
        self.seen = []

    def changes(self, confusion):
        self.seen.append(MeanIoU()(confusion).value)
        return {"value": np.mean(self.seen)}


class ClearsItsCounts(Iou):
    def __call__(self, confusion):
        score = super().__call__(confusion)
        confusion.counts[:] = 0
        return score


class MultipliesCounts(Iou):
    def changes(self, confusion):
        counts = confusion.counts
        return {"value": float((np.diag(counts) ** 2).sum() / (counts**2).sum())}


CAUGHT_BY: dict[type, str] = {
    HasNoDefinition: "its_score_says_what_it_is",
    LowerIsBetter: "no_prediction_scores_better_than_the_truth",
    NothingIsPerfect: "no_prediction_scores_better_than_the_truth",
    EmptyIsOne: "without_a_counted_pixel_it_is_undefined",
    AbsentIsZero: "a_class_that_is_nowhere_does_no_harm",
    LastClassCountsTwice: "the_order_of_classes_does_not_matter_but_for_the_background",
    RunningMean: "the_same_counts_score_the_same_again",
    ClearsItsCounts: "counts_are_not_written_to",
    MultipliesCounts: "billions_of_pixels_score_as_few_do",
}
METRICS = Saboteurs(CAUGHT_BY, metric.CHECKS, lambda part: metric.MetricSubject(part()), Iou)
