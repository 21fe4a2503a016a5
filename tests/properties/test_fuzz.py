"""Whatever stands in a file, its reader reads it or raises a SegportError, in little time and memory.

Each kind of file a few times; tests/soak/test_fuzz.py tries thousands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segport.tests.properties.fuzz_parsers import PARSERS, Parser
from segport.tests.properties.fuzzing import fuzz, laid_out

INPUTS = 10

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited in Linux's way")


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_valid_file_is_read(parser: Parser, tmp_path: Path) -> None:
    path = laid_out(parser, tmp_path)
    for seed in parser.seeds:
        path.write_bytes(parser.wrap(seed))
        parser.parse(path)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_spoilt_files_end_in_our_own_errors(parser: Parser, tmp_path: Path) -> None:
    assert fuzz(parser, tmp_path, INPUTS).tried >= INPUTS


@pytest.mark.parametrize("parse", [lambda path: 1 / 0, lambda path: bytearray(2 << 30)], ids=["error", "memory"])
def test_the_fuzzer_notices(parse: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises((ZeroDivisionError, MemoryError)):
        fuzz(Parser("broken", "x", (b"x",), parse), tmp_path, INPUTS)
