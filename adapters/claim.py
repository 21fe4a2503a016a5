"""A folder for one process at a time, by a lock of the operating system: a process that dies lets go of it."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..domain.errors import DataError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FAR = 1 << 30  # Windows lets nobody read the bytes that are locked, so those of no text are
_SETTLING = 0.05
"""Seconds in which whoever has just taken it has surely written who it is."""


class TakenError(Exception):
    """Somebody else has it; ``holder`` tells who, and since when."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(holder)


@contextmanager
def claimed(lock: Path) -> Iterator[str]:
    """Holds the file ``lock`` while the block lasts, and removes it then. The folder it is in must be there.

    Gives who held it before and died without letting go; "" for nobody. Raises TakenError while somebody else holds it,
    in another process or in this one. Where the file system knows no locks, everybody may pass.
    """
    handle = _taken(lock)
    try:
        before = _read(lock)
        os.ftruncate(handle, 0)
        os.write(handle, _myself().encode())
        yield before
    finally:
        # While it is held, so that nobody's but our own is removed. Windows removes no open file.
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(handle)
        if sys.platform == "win32":
            with suppress(OSError):
                lock.unlink(missing_ok=True)


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """As ``claimed``, but waits until nobody else holds it; where no file can be made, nobody writes either."""
    with ExitStack() as stack:
        while True:
            try:
                lock.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(claimed(lock))
            except TakenError:
                continue
            except OSError:
                pass
            break
        yield


@contextmanager
def place_claimed(out: Path) -> Iterator[None]:
    """Claims the place of a folder to be made, by a lock beside it, since it is made there and renamed.

    Raises DataError while somebody else makes it, and for a folder that cannot be replaced by another.
    """
    here = out.resolve() == Path.cwd()
    if here or os.path.ismount(out):
        what = "the folder you are in" if here else "the place where a disk is mounted"
        raise DataError(f"{out} is {what}, and no other can take its place.", fix="Name a folder inside it.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(claimed(out.parent / f".{out.name}.lock"))
        except TakenError as error:
            raise DataError(
                f"{out} is being made already: {error.holder}.", fix="Wait until it is there, or choose another folder."
            ) from None
        yield


def _taken(lock: Path) -> int:
    """The file, open and locked. Raises TakenError."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle)
        except BlockingIOError:
            os.close(handle)
            time.sleep(_SETTLING)
            raise TakenError(_read(lock) or "another process") from None
        except BaseException:
            os.close(handle)
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(lock)):
                return handle
        os.close(handle)  # whoever held it has removed it meanwhile, and the next one makes a new one


def _lock(handle: int) -> None:
    """Raises BlockingIOError where somebody else holds it."""
    if sys.platform == "win32":
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            return


def _read(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _myself() -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"process {os.getpid()} on {platform.node() or 'this machine'}, since {now}"
