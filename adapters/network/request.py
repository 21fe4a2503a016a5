"""One file on its way over HTTP: a request for what is not here yet, and its answer."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from attrs import define, frozen

from ...domain.downloads.descriptions import RemoteFile
from ...domain.errors import DownloadError
from ...domain.ports.downloading import Listener, Stop
from .checksums import stated_digest, verify
from .part import Part
from .stopping import heed

_CHUNK = 1 << 18


class UnlikeError(Exception):
    """What came is not what was promised: ``reason`` says it for people."""

    def __init__(self, reason: DownloadError) -> None:
        self.reason = reason
        super().__init__(str(reason))


@frozen
class Answer:
    """What the server said of the whole file: its length, and a digest or ""."""

    length: int | None
    digest: str


@define
class Job:
    """A file that is being fetched; ``received`` counts the bytes that came."""

    file: RemoteFile
    part: Part
    listen: Listener
    stop: Stop
    timeout: float
    received: int = 0

    def request(self) -> Answer:
        """Gets what is not here yet.

        Raises:
            HTTPError, OSError, http.client.HTTPException: when it must be tried again, or the server refuses.
            UnlikeError: for a file of another size than was promised.
            DownloadError: for a web page in place of a file, and when the disk refuses.
            RunInterruptedError: soon after ``stop`` says so.
        """
        heed(self.stop)
        have = self.part.size if self.part.tag or self.file.digest else 0
        try:
            response = urlopen(Request(self.file.url, headers=self._headers(have)), timeout=self.timeout)
        except HTTPError as error:
            if error.code != 416:
                raise
            return self._beyond(error, have)
        with response:
            return self._receive(response, have)

    def check(self, answer: Answer) -> str:
        """What was checked of the file. Raises UnlikeError, and forgets the file, when it is another one."""
        try:
            return verify(self.file, self.part.path, answer.digest, answer.length)
        except DownloadError as error:
            self.part.discard()
            raise UnlikeError(error) from None

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"User-Agent": "segport", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.part.tag:
                headers["If-Range"] = self.part.tag
        return headers

    def _beyond(self, error: HTTPError, have: int) -> Answer:
        """Nothing lies beyond what is here: it is all of the file, or no part of it."""
        error.close()
        whole = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
        if whole and int(whole[1]) == have:
            return Answer(have, stated_digest(error.headers))
        self.part.discard()
        raise ConnectionError("the part that was here does not fit the file")

    def _receive(self, response: http.client.HTTPResponse, have: int) -> Answer:
        headers = response.headers
        if headers.get_content_type() == "text/html":
            raise DownloadError(
                f"{self.file.url} answered with a web page instead of a file.",
                fix="A login page of a network or a proxy, perhaps: open the address in a browser.",
            )
        if response.status != 206 or not headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            self.part.begin(headers)
            have = 0
        length = headers.get("Content-Length", "")
        total = have + int(length) if length.isascii() and length.isdigit() else None
        self._expect(total)
        for size in self.part.append(_chunks(response)):
            self.received += size - have
            have = size
            self.listen(size, total)
            heed(self.stop)
        if total is not None and have < total:
            raise ConnectionError(f"the connection ended after {have} of {total} bytes")
        return Answer(total, stated_digest(headers))

    def _expect(self, total: int | None) -> None:
        """Refuses a file of another size before it is fetched."""
        if None not in (self.file.size, total) and total != self.file.size:
            self.part.discard()
            raise UnlikeError(
                DownloadError(
                    f"{self.file.url} is not the file that was expected: {total} bytes, expected {self.file.size}.",
                    fix="It was changed at its source, or is another one at the mirror.",
                )
            )


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(_CHUNK):
        yield chunk
