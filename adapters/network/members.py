"""The files in zip, tar and tar.gz archives, one form for all; whatever is no ordinary file is refused."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias, cast

from attrs import frozen

from ...domain.errors import DataError

_GZIP = b"\x1f\x8b"
Bounds: TypeAlias = Callable[[IO[bytes]], IO[bytes]]
"""Wraps a stream of unpacked bytes in one that counts them."""


@frozen
class Member:
    """A file in an archive: its path as written there, and how to read it."""

    name: str
    open: Callable[[], IO[bytes]]


def members(archive: Path, bounded: Bounds) -> Iterator[Member]:
    """The files of an archive, in its order. Each must be read before the next is asked for.

    ``bounded`` wraps every stream of unpacked bytes.

    Raises:
        DataError: for links, devices, encrypted files, and rare compressions.
        OSError, EOFError, ValueError, LookupError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile,
            tarfile.TarError: for a damaged archive.
    """
    return _zipped(archive, bounded) if zipfile.is_zipfile(archive) else _tarred(archive, bounded)


def _zipped(archive: Path, bounded: Bounds) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise _odd(archive, info.filename, "a link or a device")
            if info.flag_bits & 1:
                raise _odd(archive, info.filename, "encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _odd(archive, info.filename, "compressed otherwise than by deflate")
            yield Member(info.filename, partial(_unzipped, opened, info, bounded))


def _tarred(archive: Path, bounded: Bounds) -> Iterator[Member]:
    with archive.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        plain: IO[bytes] = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
        # As a stream, so that headers, too, are read through the bounds.
        with tarfile.open(fileobj=bounded(plain), mode="r|") as opened:
            for info in opened:
                if info.isdir():
                    continue
                if not info.isreg():
                    raise _odd(archive, info.name, "a link or a device")
                if info.issparse():  # its holes are made here, where no bound sees them
                    raise _odd(archive, info.name, "a file with holes")
                yield Member(info.name, partial(_untarred, opened, info))


def _unzipped(opened: zipfile.ZipFile, info: zipfile.ZipInfo, bounded: Bounds) -> IO[bytes]:
    return bounded(opened.open(info))


def _untarred(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", opened.extractfile(info))  # None for what is no file, and that was refused before


def _odd(archive: Path, name: str, what: str) -> DataError:
    return DataError(f"{archive.name} holds {name!r}, which is {what}.", fix="Such archives are not unpacked.")
