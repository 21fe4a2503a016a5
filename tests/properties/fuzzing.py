"""Many spoilt copies of a parser's files, one after another, under limits of memory and time."""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define
from hypothesis import HealthCheck, given, settings

from segport.domain.errors import SegportError
from segport.tests.properties.fuzz_mutants import mutants
from segport.tests.properties.fuzz_parsers import Parser

MEMORY = 1 << 30
"""Bytes of address space that a parser may take beyond what the process has at the start."""
SECONDS = 10.0
"""For one input, on a busy machine."""


@define
class Tally:
    """How many inputs were tried, how many of them refused, and the longest time that one took."""

    tried: int = 0
    refused: int = 0
    seconds: float = 0.0


def laid_out(parser: Parser, folder: Path) -> Path:
    """Makes the folder that a parser needs; returns the place of the file to spoil."""
    (folder / ".here").touch()
    for name, content in parser.around.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    path = folder / parser.file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def fuzz(parser: Parser, folder: Path, inputs: int) -> Tally:
    """Tries as many inputs. Whatever else than a SegportError comes out of one fails the test, also MemoryError."""
    path, tally = laid_out(parser, folder), Tally()

    @settings(max_examples=inputs, database=None, suppress_health_check=list(HealthCheck))
    @given(content=mutants(parser.seeds))
    def attempt(content: bytes) -> None:
        path.write_bytes(parser.wrap(content))
        tally.tried += 1
        start = time.perf_counter()
        try:
            parser.parse(path)
        except SegportError:
            tally.refused += 1
        took = time.perf_counter() - start
        tally.seconds = max(tally.seconds, took)
        assert took < SECONDS

    with limited(MEMORY), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that decode: nobody sees them in a program
        attempt()
    return tally


@contextmanager
def limited(room: int) -> Iterator[None]:
    """The process gets that many bytes of address space more, and beyond them a MemoryError."""
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
