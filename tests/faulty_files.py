"""A file system that fails, or dies with the program, at any one of the changes that are made to it."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

from segport.adapters.storage import checkpoint

CHANGES = ("replace", "rename", "link", "mkdir", "fsync", "ftruncate")
REMOVALS = ("unlink", "rmdir")
NAMELESS = ("write", "fsync", "ftruncate")
"""Where they fail, the system's error does not say of which file."""


class Crash(BaseException):
    """The program ends here, and nothing of it goes on: no cleaning up."""


def failing(number: int) -> Callable[[str], None]:
    """A fault: every such change fails with this errno."""

    def fail(path: str) -> None:
        raise OSError(number, os.strerror(number), path or None)

    return fail


def crashing(path: str) -> None:
    """A fault: the program ends."""
    raise Crash(path)


class FaultyFiles:
    """Counts the changes made to files while the block lasts, and lets one of them fail.

    A change is a write, an opening to write, a rename, a link, a new folder, a flush to disk; where the program is to
    end there, a removal as well. A write that fails has written half.

    Args:
        at: number of the change that fails, from 0; none by default.
        fault: called in its place. After a Crash nothing can be changed any more.
        removals: count removals too.
    """

    def __init__(self, at: int = -1, fault: Callable[[str], None] = crashing, *, removals: bool = False) -> None:
        self._at = at
        self._fault = fault
        self._removals = removals
        self._lock = Lock()
        self._patches: list[Any] = []
        self._dead = False
        self._open = io.open
        self._handles: set[int] = set()
        self.changes: list[str] = []

    def __enter__(self) -> FaultyFiles:
        for name in (*CHANGES, *REMOVALS):
            self._patch(os, name, self._changing(name, getattr(os, name), counted=name in CHANGES or self._removals))
        opened = self._opening(self._open)
        self._patch(io, "open", opened)
        self._patch(builtins, "open", opened)
        self._patch(os, "open", self._handled(os.open))
        self._patch(os, "close", self._closing(os.close))
        self._patch(checkpoint, "save_file", self._saving(checkpoint.save_file))
        return self

    def __exit__(self, *_: object) -> None:
        while self._patches:
            self._patches.pop().stop()
        for handle in self._handles if self._dead else ():
            os.close(handle)  # as the system does for a program that has ended: locks are let go of

    def change(self, name: str, path: object, half: Callable[[], object] = lambda: None) -> None:
        """Before each change: does half of it and fails where this is the one."""
        with self._lock:
            if self._dead:
                raise Crash(f"{name} {path}")
            self.changes.append(f"{name} {path}")
            if len(self.changes) - 1 != self._at:
                return
            half()
            try:
                self._fault("" if name in NAMELESS else str(path))
            except Crash:
                self._dead = True
                raise

    def _patch(self, owner: object, name: str, value: object) -> None:
        made = patch.object(owner, name, value)
        made.start()
        self._patches.append(made)

    def _changing(self, name: str, real: Callable[..., Any], counted: bool) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if counted:
                self.change(name, path)
            elif self._dead:
                raise Crash(f"{name} {path}")
            return real(path, *arguments, **options)

        return call

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+"):
                return real(path, mode, *arguments, **options)
            self.change("open", path)
            return _File(real(path, mode, *arguments, **options), path, self)

        return call

    def _handled(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any, **options: Any) -> int:
            handle = real(*arguments, **options)
            self._handles.add(handle)
            return handle

        return call

    def _closing(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(handle: int) -> None:
            self._handles.discard(handle)
            real(handle)

        return call

    def _saving(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """The safetensors library writes by itself."""

        def call(tensors: Any, path: Path, metadata: Any) -> None:
            def half() -> None:
                with self._open(path, "wb") as file:
                    file.write(b"half of it")

            self.change("save", path, half)
            real(tensors, path, metadata)

        return call


class _File:
    """A file that counts what is written to it, at once and not when it is closed."""

    def __init__(self, file: Any, path: object, files: FaultyFiles) -> None:
        self._file = file
        self._path = path
        self._files = files

    def write(self, data: Any) -> int:
        def half() -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()

        self._files.change("write", self._path, half)
        written: int = self._file.write(data)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):
            self._file.close()
