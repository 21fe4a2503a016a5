"""Stores of data sets broken on purpose."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from segport.domain.errors import DataError
from segport.plugins.conformance import DatasetStoreSubject, dataset_store_checks
from segport.plugins.conformance.dataset_store_subject import Small
from segport.tests.conformance.saboteurs import data_set_writers as writers
from segport.tests.conformance.saboteurs.honest_data_sets import Folders
from segport.tests.conformance.saboteurs.kind import Saboteurs


class OpensWhatIsThere(Folders):
    """Half a data set as well."""

    def open(self, path: Path) -> Any:
        with suppress(DataError):
            return self.honest.open(path)
        return None


class Replaces(Folders):
    def create(self, out: Path, *, reference: bool = False) -> Any:
        shutil.rmtree(out, ignore_errors=True)
        return super().create(out, reference=reference)


class RefersToFiles(Folders):
    def create(self, out: Path, *, reference: bool = False) -> Any:
        return super().create(out, reference=True)


class ReadsNoTable(Folders):
    def read_classes(self, path: Path) -> Any:
        return Small.of().classes


class NamesNothing(Folders):
    def open(self, path: Path) -> Any:
        if not path.exists():
            raise DataError("There is no such data set.")
        return self.honest.open(path)


class Renames(Folders):
    opened = 0

    def open(self, path: Path) -> Any:
        found = self.honest.open(path)
        self.opened += 1
        return attrs.evolve(found, info=attrs.evolve(found.info, name=f"opened {self.opened} times"))


class SplitsByRow(Folders):
    def read_splits(self, path: Path) -> Any:
        self.honest.read_splits(path)
        return {"a": "train", "b": "train"}


class SurveysAtLength(Folders):
    def survey(self, source: Path) -> str:
        return self.honest.survey(source).replace(" ", "\n")


CAUGHT_BY: dict[type[Folders], str] = {
    **writers.CAUGHT_BY,
    OpensWhatIsThere: "nothing_is_there_until_it_is_finished",
    Replaces: "a_place_that_is_taken_is_refused",
    RefersToFiles: "what_was_stored_is_a_copy",
    ReadsNoTable: "what_is_not_there_is_refused",
    NamesNothing: "what_is_not_there_is_refused",
    Renames: "opened_twice_it_is_the_same",
    SplitsByRow: "tables_are_read",
    SurveysAtLength: "tables_are_read",
}
DATA_SET_STORES = Saboteurs(CAUGHT_BY, dataset_store_checks.CHECKS, DatasetStoreSubject, Folders)
