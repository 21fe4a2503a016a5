"""The one door to the file system for what segport writes: whole or not at all, even if power or disk fails.

And for text that strangers wrote: whatever its bytes are, it is read or refused by name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ..domain.errors import DataError, SegportError

Found = TypeVar("Found")

_CHUNK = 1 << 20
RANDOM = "[0-9a-f]" * 8
"""The random part of a temporary name, as a pattern."""
_OF_SAFETENSORS = ".tmp" + "[0-9A-Za-z]" * 6
"""What the library that writes safetensors calls a file until it is whole."""
_UTF8 = "Save it as UTF-8."


@contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; leaving the block flushes it to disk and renames it to ``path``.

    Missing parent folders are made. After an error in the block, or an interruption, what was written is gone and
    ``path`` is as it was. Without ``durable`` nothing waits for the disk: for many files that can be made again.
    The block may make a folder there, too; it replaces no other folder but an empty one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, since image libraries choose the format by it.
    temporary = path.with_name(f".{path.stem[:64]}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
    except BaseException as error:
        remove(temporary)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, str(temporary)):
            error.filename = str(path)  # a full disk names no file, and nobody knows the temporary one
        raise
    if durable:
        _flush_folder(path.parent)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Atomically replaces a file."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Atomically replaces a file with UTF-8 text; line ends are written as they are.

    Raises DataError for names of files that are no UTF-8, as old disks have them.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        name = ascii(text[max(0, error.start - 20) : error.end + 20])
        raise DataError(
            f"{path} would hold a name that is no UTF-8: ... {name} ...", fix="Rename that file or folder."
        ) from None
    write_bytes(path, data)


def write_folder(path: Path, texts: Mapping[str, str]) -> None:
    """Makes a folder of UTF-8 text files, named by their paths in it; all of them or none."""
    with atomic_path(path) as folder:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


def read_text(path: Path, error: type[SegportError] = DataError) -> str:
    """UTF-8 text, with or without a byte order mark. Raises ``error`` naming the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path} is not UTF-8 text.", fix=_UTF8) from None
    except OSError as reason:
        raise error(f"{path} cannot be read: {reason.strerror or reason}.") from None
    if "\0" in text:  # UTF-16 without a mark, or no text at all
        raise error(f"{path} is not UTF-8 text: it holds zero bytes.", fix=_UTF8)
    return text


def is_file(path: Path) -> bool:
    """Whether there is such a file. None has a name that no file can have, as one in somebody's table may be."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_whole(path: Path, read: Callable[[Path], Found]) -> Found:
    """What ``read`` makes of one file, though it opens it several times and others replace it: then it reads again."""
    while True:
        before = _identity(path)
        try:
            found = read(path)
        except Exception:
            if _identity(path) == before:
                raise
        else:
            if _identity(path) == before:
                return found


def sweep(folder: Path) -> None:
    """Removes what was left in a folder by writers that were killed. Nobody may be writing there."""
    for pattern in (f".*.{RANDOM}.tmp*", _OF_SAFETENSORS):
        for path in folder.glob(pattern):
            remove(path)


def remove(path: Path) -> None:
    """A file, or a folder with all that it holds; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def link_or_copy(source: Path, target: Path) -> None:
    """Makes ``target`` a hard link to ``source``, or a copy where the file system allows none. Replaces atomically."""
    source = source.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return  # renaming one link of a file to another does nothing and would leave the temporary name
    temporary = target.with_name(f".{target.stem[:64]}.{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        try:
            os.link(source, temporary)
        except OSError:  # another device, a file system without links, a file of somebody else
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _identity(path: Path) -> tuple[int, ...]:
    """What tells a file from the one that took its place; nothing for none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _flush(path: Path) -> None:
    """Makes what was written last: a file, or a folder and all that it holds."""
    if path.is_dir():
        for inner in path.iterdir():
            _flush(inner)
        _flush_folder(path)
        return
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Makes a rename last. Only POSIX can, and not on every file system; elsewhere the rename itself must do."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
