"""Data sets broken on purpose: which splits they have, and what they say of themselves."""

from __future__ import annotations

from typing import Any

import attrs

from segport.adapters.data.batches import ThreadBatcher
from segport.domain.errors import DataError
from segport.plugins.conformance import DatasetSubject, dataset_checks
from segport.tests.conformance.saboteurs import splits
from segport.tests.conformance.saboteurs.honest_data_sets import Wrapped
from segport.tests.conformance.saboteurs.kind import Saboteurs


class ListsEmptySplits(Wrapped):
    @property
    def splits(self) -> Any:
        return (*self.honest.splits, "holding")

    def split(self, name: str) -> Any:
        return [] if name == "holding" else super().split(name)


class GivesAnySplit(Wrapped):
    def split(self, name: str) -> Any:
        return self.parts.get(name, self.parts["train"])


class DoesNotSayWhichSplits(Wrapped):
    def split(self, name: str) -> Any:
        if name not in self.parts:
            raise DataError(f"no {name}")
        return self.parts[name]


class SaysMore(Wrapped):
    def said(self) -> dict[str, Any]:
        return {"split_sizes": {"train": 100, "val": 2, "test": 1}}

    @property
    def info(self) -> Any:
        return attrs.evolve(self.honest.info, **self.said())


class NamesOtherClasses(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"pixel_counts": {"one": 1, "two": 2, "three": 3}}


class OneMeanForAll(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"mean": (0.5,)}


class WeighsTwoClasses(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"class_weights": {"inverse": (1.0, 1.0)}}


class SaysSmaller(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"height": (1, 2, 3)}


class MeansOf255(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"mean": tuple(255 * value for value in self.honest.info.mean)}


class CountsAllSplits(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"pixel_counts": {name: 2 * count for name, count in self.honest.info.pixel_counts.items()}}


class IgnoresNothing(SaysMore):
    def said(self) -> dict[str, Any]:
        return {"ignored_pixels": 0}


CAUGHT_BY: dict[type[Wrapped], str] = {
    **splits.CAUGHT_BY,
    ListsEmptySplits: "its_splits_hold_samples_and_others_are_refused",
    GivesAnySplit: "its_splits_hold_samples_and_others_are_refused",
    DoesNotSayWhichSplits: "its_splits_hold_samples_and_others_are_refused",
    SaysMore: "its_description_is_of_these_samples",
    NamesOtherClasses: "its_description_is_of_these_samples",
    OneMeanForAll: "its_description_is_of_these_samples",
    WeighsTwoClasses: "its_description_is_of_these_samples",
    SaysSmaller: "its_description_is_of_these_samples",
    MeansOf255: "its_statistics_are_those_of_the_training_samples",
    CountsAllSplits: "its_statistics_are_those_of_the_training_samples",
    IgnoresNothing: "its_statistics_are_those_of_the_training_samples",
}
DATA_SETS = Saboteurs(CAUGHT_BY, dataset_checks.CHECKS, lambda part: DatasetSubject(part(), ThreadBatcher()), Wrapped)
