"""Thousands of spoilt copies of every kind of file that segport reads. SEGPORT_FUZZ_INPUTS says how many of each."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from segport.tests.properties.fuzz_parsers import PARSERS, Parser
from segport.tests.properties.fuzzing import fuzz

INPUTS = int(os.environ.get("SEGPORT_FUZZ_INPUTS", "2000"))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_spoilt_files_end_in_our_own_errors(parser: Parser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally = fuzz(parser, tmp_path, INPUTS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with capsys.disabled():
        print(
            f"\n| {parser.name} | {tally.tried:,} | {tally.refused:,} | {tally.seconds:.2f} | {peak} |",
            end=" ",
            flush=True,
        )
    assert tally.tried >= INPUTS
