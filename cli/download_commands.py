"""download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from cyclopts import App

from ..application.settings import DownloadSettings
from ..domain.listing import counted
from .dispatch import add
from .download_bars import DownloadBars
from .terminal import Terminal, typed

if TYPE_CHECKING:
    from ..application.downloading.download import DownloadReport
    from ..bootstrap import Toolkit

_CHECKED = {
    "sha256": "checked against the published SHA-256",
    "md5": "checked against the published MD5",
    "md5 of the server": "no published checksum, MD5 as the server states it",
    "size": "no published checksum, only the size was checked",
    "earlier": "here already; no published checksum",
    "nothing": "neither checksum nor size is published, nothing could be checked",
}


def register(app: App) -> None:
    """Adds the command."""
    add(app, "download", DownloadSettings, download)


def download(toolkit: Toolkit, settings: DownloadSettings, terminal: Terminal) -> int:
    """Fetches a data set and says what came, how it was checked, and what to do next."""
    with toolkit.stop_signals() as stop, DownloadBars(terminal) as bars:
        report = toolkit.download(settings, listen=bars.listen, stop=stop)
    show_download(report, terminal)
    then = _next(report)
    terminal.wrote([report.out], then=then)
    terminal.object({**attrs.asdict(report), "then": then})
    return 0


def show_download(report: DownloadReport, terminal: Terminal) -> None:
    """What came, and how it was checked."""
    terminal.result(f"{report.name}: {report.title}; licence: {report.licence}")
    files, now = counted(report.files, "file"), _megabytes(report.received)
    terminal.result(f"fetched: {files}, {_megabytes(report.size)}, {now} of it just now")
    for checked, number in report.checked.items():
        terminal.result(f"{counted(number, 'file')}: {_CHECKED[checked]}")
    for note in report.notes:
        terminal.result(f"warning: {note}")


def _next(report: DownloadReport) -> str:
    return f"{typed('segport', 'prepare', report.out, f'{report.out}-prepared')} {report.prepare}".strip()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
