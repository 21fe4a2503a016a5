"""Both run stores against the kit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segport.adapters.memory.runs import MemoryRuns
from segport.adapters.storage.runs import RunFolders
from segport.plugins.conformance import Case, RunStoreSubject, checks_on, run_checks

STORES: dict[str, Callable[[Path], Any]] = {
    "folders": lambda folder: RunFolders(),
    "memory": lambda folder: MemoryRuns(),
}
OF_FILES = "a damaged last is refused and the one before takes its place"


@pytest.mark.parametrize("name", STORES)
def test_it_conforms(name: str) -> None:
    report = run_checks(RunStoreSubject(STORES[name]))
    assert report.passed, report
    assert [outcome.sentence for outcome in report.outcomes if outcome.skipped] == [OF_FILES] * (name == "memory")


@pytest.mark.parametrize("check", checks_on(RunStoreSubject(STORES["memory"])), ids=str)
def test_each_check_is_a_test(check: Case) -> None:
    check()
