"""How public data sets come here: fetching files, unpacking archives, and the folder in which a data set grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias

from attrs import frozen

from ..downloads.descriptions import RemoteFile

Listener: TypeAlias = Callable[[int, int | None], None]
"""Hears (done, total), total being None while it is not known."""
Stop: TypeAlias = Callable[[], bool]
"""Whether the work was asked to stop."""


class Action(Enum):
    """What is being done to a file."""

    FETCH = "fetching"
    UNPACK = "unpacking"


@frozen
class Progress:
    """How far a file is: ``done`` of ``total`` bytes, or files unpacked from it; both are equal when it is finished.

    ``total`` is None while nobody knows. Of the files fetched side by side, ``finished`` of ``files`` are here.
    """

    action: Action
    name: str
    done: int
    total: int | None
    finished: int = 0
    files: int = 1


@frozen
class Fetched:
    """A file that is here: its size, the bytes that came over the network just now, and what was checked.

    ``checked`` is "sha256" or "md5" as published, "md5 of the server", "size", "nothing" where not even a length was
    stated, or "earlier" for a file that was here already and has no published digest.
    """

    file: RemoteFile
    size: int
    received: int
    checked: str


class Fetcher(Protocol):
    """Gets one file. Thread-safe."""

    def fetch(self, file: RemoteFile, target: Path, listen: Listener, stop: Stop) -> Fetched:
        """Makes ``target`` the file, whole and checked; goes on where an earlier call was interrupted.

        Raises:
            DownloadError: naming the address, what happened and what to do.
            RunInterruptedError: soon after ``stop`` says so.
        """
        ...


class Unpacker(Protocol):
    """Takes files out of zip and tar archives, and trusts none of them."""

    def unpack(
        self, archive: Path, folder: Path, place: Callable[[str], str | None], listen: Listener, stop: Stop
    ) -> Sequence[str]:
        """Writes every file of the archive to where ``place`` says, relative to ``folder``; None leaves it out.

        Returns:
            The names in the archive of what was written, in its order.

        Raises:
            DataError: naming archive and member, for what is damaged, leads out of the folder, is no ordinary file,
                comes twice, or grows beyond all bounds.
            RunInterruptedError: soon after ``stop`` says so.
        """
        ...


class GrowingFolder(Protocol):
    """A data set on its way to a folder, as a context. What was fetched stays when it fails, for the next time."""

    def __enter__(self) -> GrowingFolder: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    @property
    def fetched(self) -> Path:
        """Where fetched files are kept until the end."""
        ...

    @property
    def tree(self) -> Path:
        """The data set as it will be; empty at the beginning."""
        ...

    def rows(self, path: str) -> Iterator[Sequence[str]]:
        """The rows of a fetched CSV file, the first one included. Raises DataError naming the file."""
        ...

    def keep(self, path: str) -> None:
        """Takes a fetched file into the tree, under the same path."""
        ...

    def write_rows(self, path: str, rows: Iterable[Sequence[str]]) -> None:
        """Makes a CSV file in the tree."""
        ...

    def write_text(self, path: str, text: str) -> None:
        """Makes a text file in the tree."""
        ...

    def finish(self) -> None:
        """Moves the tree to its place and removes everything else."""
        ...


class Grounds(Protocol):
    """Where data sets can grow."""

    def open(self, out: Path) -> GrowingFolder:
        """A folder that will be ``out``, with what an interrupted call fetched. DataError when ``out`` is taken."""
        ...
