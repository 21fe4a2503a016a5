"""Many files at once: fetched side by side, unpacked one after the other, with a listener that hears how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Lock

from attrs import define, field

from ...domain.downloads.descriptions import RemoteFile
from ...domain.errors import DownloadError, RunInterruptedError
from ...domain.ports.dataset import Executor
from ...domain.ports.downloading import Action, Fetched, Fetcher, GrowingFolder, Progress, Stop, Unpacker


@define
class Transfers:
    """Fetches and unpacks for one download, and remembers what came.

    Attributes:
        mirror: address that stands before every other, or "".
        listen: called from several threads.
    """

    fetcher: Fetcher
    unpacker: Unpacker
    executor: Executor
    folder: GrowingFolder
    mirror: str
    listen: Callable[[Progress], None]
    stop: Stop
    fetched: list[Fetched] = field(factory=list)
    _error: DownloadError | None = None
    _lock: Lock = field(factory=Lock)

    def fetch(self, files: Sequence[RemoteFile], *, optional: bool = False) -> frozenset[str]:
        """Gets all of them; the first that cannot be had stops the others.

        Returns:
            The paths of those that are here: all, or, if ``optional``, all that the server has.

        Raises:
            DownloadError: of the first that failed.
            RunInterruptedError: when ``stop`` said so.
        """
        finished = 0

        def one(file: RemoteFile) -> Fetched | None:
            nonlocal finished
            try:
                fetched = self._one(file, lambda done, total: tell(file, done, total))
            except DownloadError as error:
                if not (optional and error.missing):
                    self._error = self._error or error
                    raise
                fetched = None
            with self._lock:
                finished += 1
            size = fetched.size if fetched else 0
            tell(file, size, size)
            return fetched

        def tell(file: RemoteFile, done: int, total: int | None) -> None:
            self.listen(Progress(Action.FETCH, file.path, done, total, finished, len(files)))

        try:
            with closing(self.executor.map(one, files)) as results:
                here = [result for result in results if result is not None]
        except RunInterruptedError:
            if self._error:  # the others were only stopped because of it
                raise self._error from None
            raise
        self.fetched += here
        return frozenset(result.file.path for result in here)

    def unpack(self, file: RemoteFile, place: Callable[[str], str | None]) -> Sequence[str]:
        """Unpacks a fetched archive into the tree, as ``Unpacker.unpack`` does."""
        return self.unpacker.unpack(
            self.folder.fetched / file.path,
            self.folder.tree,
            place,
            lambda done, total: self.listen(Progress(Action.UNPACK, file.path, done, total)),
            self.stop,
        )

    def _one(self, file: RemoteFile, listen: Callable[[int, int | None], None]) -> Fetched:
        source = file.mirrored(self.mirror) if self.mirror else file
        return self.fetcher.fetch(
            source, self.folder.fetched / file.path, listen, lambda: self.stop() or self._error is not None
        )
