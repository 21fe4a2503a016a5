"""The service that fetches public data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from ...domain.downloads.catalogue import PUBLIC_DATA
from ...domain.downloads.descriptions import ArchivedData, IndexedData, PublicData
from ...domain.errors import InvalidSpecError, UnknownNameError
from ...domain.ports.dataset import Executor
from ...domain.ports.downloading import Fetcher, Grounds, Progress, Stop, Unpacker
from ..listening import never, nobody
from ..settings import DownloadSettings
from .gathering import Wish, gather_archives, gather_indexed
from .transfers import Transfers


@frozen
class DownloadReport:
    """What came.

    Attributes:
        name: of the data set.
        title: what is in it.
        licence: in a few words.
        out: its folder.
        files: fetched, archives and tables included.
        size: bytes of them.
        received: bytes that came over the network this time.
        checked: files by what was checked of them (see ``Fetched``).
        notes: what is missing, a sentence each.
        prepare: options for ``segport prepare``.
    """

    name: str
    title: str
    licence: str
    out: Path
    files: int
    size: int
    received: int
    checked: Mapping[str, int]
    notes: tuple[str, ...]
    prepare: str


@frozen
class DownloadData:
    """Fetches, checks and unpacks public data sets; embeddable, prints nothing.

    Attributes:
        executors: makes an executor of so many threads.
    """

    fetcher: Fetcher
    unpacker: Unpacker
    grounds: Grounds
    executors: Callable[[int], Executor]

    def __call__(
        self,
        settings: DownloadSettings,
        *,
        listen: Callable[[Progress], None] = nobody,
        stop: Stop = never,
    ) -> DownloadReport:
        """Makes ``settings.out`` the data set; ``listen`` is called from several threads.

        Interrupted, it leaves what was fetched in ``OUT.partial``, and the next call goes on with it.

        Raises:
            UnknownNameError: for an unknown data set or class.
            InvalidSpecError: for settings that do not fit the data set.
            DownloadError: for what cannot be fetched, or is not what was promised.
            DataError: for archives and tables that cannot be used, or an ``out`` that is taken.
            RunInterruptedError: when ``stop`` said so.
        """
        data, wish = asked(settings)
        with self.grounds.open(settings.out) as folder:
            executor = self.executors(settings.connections)
            transfers = Transfers(self.fetcher, self.unpacker, executor, folder, settings.mirror, listen, stop)
            if isinstance(data, ArchivedData):
                notes = gather_archives(data, transfers)
            else:
                notes = gather_indexed(data, wish, transfers)
            folder.finish()
        came = transfers.fetched
        return DownloadReport(
            name=settings.name,
            title=data.title,
            licence=data.licence,
            out=settings.out,
            files=len(came),
            size=sum(one.size for one in came),
            received=sum(one.received for one in came),
            checked=dict(Counter(one.checked for one in came)),
            notes=notes,
            prepare=data.prepare,
        )


def described(name: str) -> PublicData:
    """The description of a data set. Raises UnknownNameError."""
    if name not in PUBLIC_DATA:
        raise UnknownNameError.of("data set", name, PUBLIC_DATA)
    return PUBLIC_DATA[name]


def asked(settings: DownloadSettings) -> tuple[PublicData, Wish]:
    """The data set and what of it. Raises UnknownNameError and InvalidSpecError."""
    data = described(settings.name)
    return data, _wish(settings, data)


def _wish(settings: DownloadSettings, data: PublicData) -> Wish:
    problems = []
    if not isinstance(data, IndexedData):
        given = {"classes": settings.classes, "count": settings.count, "splits": settings.splits}
        problems = [f"{name}: {settings.name} is fetched whole" for name, value in given.items() if value]
        splits: tuple[str, ...] = ()
    else:
        splits = settings.splits or data.splits
        if not settings.classes:
            problems.append(f"classes: missing; {settings.name} is far too large to fetch whole, so name some classes")
        problems += [
            f"splits: unknown {split!r}, expected some of {','.join(data.splits)}"
            for split in splits
            if split not in data.splits
        ]
    if settings.mirror and not settings.mirror.startswith(("http://", "https://")):
        problems.append(f"mirror = {settings.mirror!r}: expected an address that begins with http:// or https://")
    if problems:
        raise InvalidSpecError(f"{settings.name} cannot be fetched so.", problems=problems)
    return Wish(settings.classes, settings.count, tuple(dict.fromkeys(splits)))
