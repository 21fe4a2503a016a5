"""What is printed where nobody reads any more goes nowhere, and ends nothing: a training outlives `| head -1`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def lasting_streams() -> Iterator[None]:
    """In the block stdout and stderr can be written to, whatever becomes of who reads them, or if there never was one.

    What their encoding does not have is spelt out, "\\u9053": a name never ends a command that has done its work.

    Streams that somebody has put in their place, such as a notebook's, stay as they are.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _lasting(sys.stdout, sys.__stdout__), _lasting(sys.stderr, sys.__stderr__)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stdout, sys.stderr = before


class _Pipe(io.FileIO):
    """Becomes the null device, for what is not Python too, when it fails; and raises, but for a pipe nobody reads."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                raise
            return len(memoryview(data))  # type: ignore[arg-type]


def _lasting(stream: TextIO | None, original: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if stream is not original:
        return stream
    if stream.isatty():
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    pipe = io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(pipe, stream.encoding, "backslashreplace", line_buffering=stream is sys.stderr)
