"""Writing, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path

from ...domain.errors import DownloadError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the disk in the block become a DownloadError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix="Check space and permissions, then repeat the command: it continues from here.",
        ) from error


def write_whole(stream: RawIOBase, data: bytes, path: Path) -> None:
    """Writes all bytes to an unbuffered stream to ``path``: one write may take only some when the disk fills up."""
    rest = memoryview(data)
    with writing(path):
        while rest:
            rest = rest[stream.write(rest) or 0 :]
