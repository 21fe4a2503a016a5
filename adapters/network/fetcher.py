"""Files over HTTP: gone on with where they were left, tried again when the network fails, checked in the end."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError

from attrs import evolve, frozen

from ...domain.downloads.descriptions import RemoteFile
from ...domain.errors import DownloadError, SegportError
from ...domain.ports.downloading import Fetched, Listener, Stop
from .checksums import verify
from .part import Part
from .request import Answer, Job, UnlikeError
from .stopping import heed

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_LONGEST_WAIT = 60.0
_NAP = 0.25


@frozen
class HttpFetcher:
    """Implements ``Fetcher`` with the standard library; proxies are those that http_proxy and https_proxy name.

    Attributes:
        timeout: seconds without a single byte after which a connection is given up.
        tries: in a row without any progress.
        pause: seconds before the second try; doubled for every further one.
        sleep: waits so many seconds.
    """

    timeout: float = 30.0
    tries: int = 5
    pause: float = 0.5
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, file: RemoteFile, target: Path, listen: Listener, stop: Stop) -> Fetched:
        """See ``Fetcher``."""
        checked, unlike = _of_file_that_is_here(file, target)
        if checked:
            return Fetched(file, target.stat().st_size, 0, checked)
        job = Job(file, Part(target), listen, stop, self.timeout)
        try:
            checked = self._whole(job)
        except DownloadError as error:
            problems = [unlike] if unlike else []
            raise DownloadError(error.message, problems=problems, fix=error.fix, missing=error.missing) from None
        job.part.finish()
        return Fetched(file, target.stat().st_size, job.received, checked)

    def _whole(self, job: Job) -> str:
        """Gets all of a file; returns what was checked of it."""
        resumed = job.part.size > 0
        while True:
            try:
                return job.check(self._persist(job))
            except UnlikeError as error:
                if not resumed:
                    raise error.reason from None
                resumed = False  # what was here may have been of another version: once more, from the beginning

    def _persist(self, job: Job) -> Answer:
        """Tries until all bytes are here, or until so many tries in a row brought none."""
        furthest, failures = job.part.size, 0
        while True:
            try:
                return job.request()
            except HTTPError as error:
                error.close()
                if error.code not in _PASSING:
                    raise _refused(job.file, error) from None
                problem, wait = f"HTTP {error.code} {error.reason}", _asked_wait(error.headers)
            except SegportError:
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a redirection to nonsense
                problem, wait = _in_words(error), 0.0
            failures = 1 if job.part.size > furthest else failures + 1
            furthest = max(furthest, job.part.size)
            if failures >= self.tries:
                raise _unreachable(job.file, job.part, f"{problem} ({failures} tries)")
            self._wait(max(wait, self.pause * 2 ** (failures - 1)), job.stop)

    def _wait(self, seconds: float, stop: Stop) -> None:
        """Sleeps in naps, so that a request to stop is heard."""
        while seconds > 0:
            heed(stop)
            nap = min(seconds, _NAP)
            self.sleep(nap)
            seconds -= nap


def _of_file_that_is_here(file: RemoteFile, target: Path) -> tuple[str, str]:
    """What was checked of a file that lies there already, or why it is not used.

    A wrong one stays until the right one takes its place: somebody may have put it there by hand.
    """
    if not target.exists():
        return "", ""
    try:
        checked = verify(evolve(file, url=str(target)), target)
    except DownloadError as error:
        return "", error.message
    return "earlier" if checked == "nothing" else checked, ""  # only what was checked gets its name


def _asked_wait(headers: Message) -> float:
    """Seconds the server asks to wait; it may also give a date, which is passed over."""
    asked = headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 0.0


def _in_words(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _refused(file: RemoteFile, error: HTTPError) -> DownloadError:
    return DownloadError(
        f"{file.url} is refused: HTTP {error.code} {error.reason}.",
        fix="Open the address in a browser. If the file has moved, name a mirror that has it with --mirror.",
        missing=error.code in _GONE,
    )


def _unreachable(file: RemoteFile, part: Part, problem: str) -> DownloadError:
    kept = f" What came so far, {part.size} bytes, is kept." if part.size else ""
    return DownloadError(
        f"{file.url} cannot be fetched: {problem}.{kept}",
        fix="Check the network, and the proxy if https_proxy names one, then repeat the command: it continues "
        f"from here. Without a network, put the file at {part.target}, or name a mirror with --mirror.",
    )
