"""The kit for every kind but backends: parts broken on purpose, as in ``test_saboteurs``."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pytest

from segport.plugins.conformance import run_check
from segport.tests.conformance.saboteurs.architectures import ARCHITECTURES
from segport.tests.conformance.saboteurs.data_set_stores import DATA_SET_STORES
from segport.tests.conformance.saboteurs.data_sets import DATA_SETS
from segport.tests.conformance.saboteurs.encoders import ENCODERS
from segport.tests.conformance.saboteurs.entries import ENTRIES
from segport.tests.conformance.saboteurs.exporters import EXPORTERS
from segport.tests.conformance.saboteurs.losses import LOSSES
from segport.tests.conformance.saboteurs.metrics import METRICS
from segport.tests.conformance.saboteurs.policies import POLICIES
from segport.tests.conformance.saboteurs.readers import READERS
from segport.tests.conformance.saboteurs.run_stores import RUN_STORES
from segport.tests.conformance.saboteurs.trackers import TRACKERS

KINDS = {
    "loss": LOSSES,
    "metric": METRICS,
    "reader": READERS,
    "tracker": TRACKERS,
    "augmentation": POLICIES,
    "encoder": ENCODERS,
    "architecture": ARCHITECTURES,
    "exporter": EXPORTERS,
    "entry": ENTRIES,
    "data set": DATA_SETS,
    "store of data sets": DATA_SET_STORES,
    "run store": RUN_STORES,
}
OF_FILES = {"run store": ["a damaged last is refused and the one before takes its place"]}
"""What is skipped for an honest part, since it has no files."""
OWN_MISTAKES = ("AttributeError", "NameError", "KeyError", "ImportError")
CASES = [(kind, saboteur) for kind, saboteurs in KINDS.items() for saboteur in saboteurs.caught_by]
MODULES = {inspect.getmodule(check): None for saboteurs in KINDS.values() for check in saboteurs.checks}


@pytest.mark.parametrize(("kind", "saboteur"), CASES, ids=lambda v: getattr(v, "__name__", str(v)))
def test_is_caught(kind: str, saboteur: Any) -> None:
    saboteurs = KINDS[kind]
    outcome = run_check(saboteurs.check_of(saboteur), saboteurs.subject(saboteur))
    assert outcome.problem
    assert not outcome.problem.startswith(OWN_MISTAKES)  # caught for what it does, not for being badly written


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_part_passes(kind: str) -> None:
    made = KINDS[kind].subject(KINDS[kind].honest)
    outcomes = [run_check(check, made) for check in KINDS[kind].checks]
    assert [str(outcome) for outcome in outcomes if outcome.problem] == []
    assert [outcome.sentence for outcome in outcomes if outcome.skipped] == OF_FILES.get(kind, [])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_check_catches_a_saboteur_and_every_function_is_a_check(module: ModuleType) -> None:
    caught = {kind.check_of(saboteur) for kind in KINDS.values() for saboteur in kind.caught_by}
    run = {check for kind in KINDS.values() for check in kind.checks}
    written = {
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "_" in name
    }
    assert {f for f in caught if f.__module__ == module.__name__} == written
    assert {f for f in run if f.__module__ == module.__name__} == written
