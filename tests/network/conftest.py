"""A web site in this process that can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from attrs import define, field, frozen

from segport.adapters.network.fetcher import HttpFetcher


@frozen
class Mood:
    """How one request is answered.

    Attributes:
        status: instead of the file.
        cut: close the connection after so many bytes.
        pause: seconds before each half of the answer.
        headers: in addition.
    """

    status: int = 200
    cut: int | None = None
    pause: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()


@define
class Site:
    """Files by path, how the next requests for them are answered, and what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(factory=dict)
    moods: defaultdict[str, list[Mood]] = field(factory=lambda: defaultdict(list))
    ranges: bool = True
    tags: bool = True
    lengths: bool = True
    google: bool = False
    asked: list[tuple[str, str | None]] = field(factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(factory=threading.Lock)

    def add(self, address: str, data: bytes) -> bytes:
        """Mirrors the file of an address."""
        self.files[f"/{address.partition('://')[2]}"] = data
        return data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range")
        with site.lock:
            site.asked.append((self.path, wanted))
            site.now += 1
            site.most_at_once = max(site.most_at_once, site.now)
            mood = site.moods[self.path].pop(0) if site.moods[self.path] else Mood()
        try:
            self._answer(site.files.get(self.path), wanted, mood)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with site.lock:
                site.now -= 1

    def _answer(self, data: bytes | None, wanted: str | None, mood: Mood) -> None:
        if mood.status != 200 or data is None:
            return self._head(mood.status if mood.status != 200 else 404, 0, mood)
        tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        begin = 0
        if wanted and self.site.ranges and self.headers.get("If-Range", tag) == tag:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(data):
                return self._head(416, 0, mood, ("Content-Range", f"bytes */{len(data)}"))
        extra = [("ETag", tag)] if self.site.tags else []
        if self.site.google:
            stated = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            extra += [("X-Goog-Hash", "crc32c=AAAAAA=="), ("X-Goog-Hash", f"md5={stated}")]
        status = 200
        if begin:
            status = 206
            extra.append(("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}"))
        body = data[begin:]
        time.sleep(mood.pause)
        self._head(status, len(body), mood, *extra)
        sent = body if mood.cut is None else body[: mood.cut]
        half = len(sent) // 2
        self.wfile.write(sent[:half])
        self.wfile.flush()
        time.sleep(mood.pause)
        self.wfile.write(sent[half:])
        if mood.cut is not None or not self.site.lengths:
            self.close_connection = True
        return None

    def _head(self, status: int, length: int, mood: Mood, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        if self.site.lengths:
            self.send_header("Content-Length", str(length))
        for name, value in (*headers, *mood.headers):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on this machine, for one test."""
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": made}))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mood() -> type[Mood]:
    """How a request is answered, to be put into ``site.moods``."""
    return Mood


@pytest.fixture
def fetcher() -> HttpFetcher:
    """Fetches without waiting between tries; its patience outlasts a busy machine."""
    return HttpFetcher(timeout=10.0, tries=3, pause=0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a file shall be, in a folder that is not there yet."""
    return tmp_path / "deep" / "file.bin"
