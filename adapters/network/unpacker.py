"""Unpacking what strangers packed: nothing outside the folder, nothing but ordinary files, nothing without bounds."""

from __future__ import annotations

import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

from attrs import define, frozen

from ...domain.errors import DataError, SegportError
from ...domain.ports.downloading import Listener, Stop
from .disk import write_whole, writing
from .members import Member, members
from .stopping import heed

_CHUNK = 1 << 20
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, RuntimeError),
    *(struct.error, zlib.error, zipfile.BadZipFile, tarfile.TarError),
)
"""What reading an archive that somebody altered may raise."""
_UNSAFE = re.compile(r"[\x00-\x1f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
_JUNK = re.compile(r"(^|/)(__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db)$")


@frozen
class ArchiveUnpacker:
    """Implements ``Unpacker`` for zip, tar and tar.gz.

    Files that macOS and Windows leave in archives (__MACOSX, ._name, .DS_Store, Thumbs.db) are passed over.

    Attributes:
        max_files: in one archive.
        max_bytes: unpacked, from one archive.
        max_ratio: unpacked bytes for one byte of the archive; only looked at beyond ``free_bytes``.
        free_bytes: unpacked bytes that no ratio forbids.
    """

    max_files: int = 2_000_000
    max_bytes: int = 1 << 37
    max_ratio: float = 100.0
    free_bytes: int = 1 << 26

    def unpack(
        self, archive: Path, folder: Path, place: Callable[[str], str | None], listen: Listener, stop: Stop
    ) -> Sequence[str]:
        """See ``Unpacker``."""
        largest = min(self.max_bytes, max(self.free_bytes, int(archive.stat().st_size * self.max_ratio)))
        meter = _Meter(archive.name, self.max_files, largest)
        written: list[str] = []
        try:
            for member in members(archive, meter.bounded):
                heed(stop)
                meter.one_more()
                name = _inside(archive, member.name)
                where = place(name) if name else None
                if where is not None:
                    _write(archive, member, folder / where)
                    written.append(name)
                    listen(len(written), None)
        except SegportError:
            raise
        except _DAMAGED as error:
            raise DataError(
                f"{archive} cannot be unpacked: {error or type(error).__name__}.",
                fix="Delete it and run the same command again: it is fetched anew.",
            ) from error
        listen(len(written), len(written))
        return written


@define
class _Meter:
    """Counts files and unpacked bytes of one archive, and stops where it is too much."""

    archive: str
    files_left: int
    bytes_left: int

    def one_more(self) -> None:
        self.files_left -= 1
        if self.files_left < 0:
            raise self._bomb("files")

    def grow(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise self._bomb("unpacked bytes for its size")

    def bounded(self, stream: IO[bytes]) -> IO[bytes]:
        return cast("IO[bytes]", _Bounded(stream, self))

    def _bomb(self, what: str) -> DataError:
        return DataError(
            f"{self.archive} holds far too many {what}: it is damaged, or made to fill disks.",
            fix="It is not unpacked.",
        )


class _Bounded(io.BufferedIOBase):
    """A stream whose bytes are counted."""

    def __init__(self, stream: IO[bytes], meter: _Meter) -> None:
        self._stream = stream
        self._meter = meter

    def read(self, size: int | None = -1) -> bytes:
        data = self._stream.read(-1 if size is None else size)
        self._meter.grow(len(data))
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def _inside(archive: Path, name: str) -> str:
    """A member's path in plain form; "" for what is passed over. Raises DataError for one that leads outside."""
    if _UNSAFE.search(name):
        raise DataError(
            f"{archive.name} holds {name!r}, a path that may lead out of the folder it is unpacked to.",
            fix="Such archives are not unpacked; nothing was written outside.",
        )
    plain = "/".join(part for part in name.split("/") if part not in ("", "."))
    return "" if _JUNK.search(plain) else plain


def _write(archive: Path, member: Member, target: Path) -> None:
    if target.exists():
        raise DataError(f"{archive.name} holds {member.name!r} twice.", fix="It is not unpacked.")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    with member.open() as stream, target.open("wb", buffering=0) as out:
        while chunk := stream.read(_CHUNK):
            write_whole(out, chunk, target)
