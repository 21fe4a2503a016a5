"""One file: resumed, tried again, checked; and what is said when it cannot be had."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from segport.adapters.network.fetcher import HttpFetcher
from segport.domain.downloads.descriptions import RemoteFile
from segport.domain.errors import DownloadError, RunInterruptedError
from segport.domain.ports.downloading import Fetched

DATA = bytes(range(256)) * 4000
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
MD5 = f"md5:{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"


@pytest.fixture
def fetch(site, fetcher: HttpFetcher, target: Path) -> Callable[..., Fetched]:
    site.files["/file"] = DATA

    def run(stop=lambda: False, listen=lambda done, total: None, using=fetcher, **promised) -> Fetched:
        return using.fetch(RemoteFile(f"{site.url}/file", "file", **promised), target, listen, stop)

    return run


def left(target: Path) -> list[str]:
    return sorted(os.listdir(target.parent)) if target.parent.exists() else []


@pytest.mark.parametrize(
    ("promised", "checked"),
    [
        ({"digest": SHA256, "size": len(DATA)}, "sha256"),
        ({"digest": MD5}, "md5"),
        ({"size": len(DATA)}, "size"),
        ({}, "size"),
    ],
)
def test_a_file_comes_whole_and_checked(fetch, target: Path, promised, checked: str) -> None:
    heard: list[tuple[int, int | None]] = []
    fetched = fetch(listen=lambda done, total: heard.append((done, total)), **promised)
    assert target.read_bytes() == DATA
    assert (fetched.size, fetched.received, fetched.checked) == (len(DATA), len(DATA), checked)
    assert heard[-1] == (len(DATA), len(DATA))
    assert heard == sorted(heard)
    assert left(target) == ["file.bin"]


def test_without_length_and_digest_nothing_can_be_checked_and_that_is_said(site, fetch, target: Path) -> None:
    site.lengths = False
    assert fetch().checked == "nothing"
    assert target.read_bytes() == DATA


def test_the_servers_own_md5_is_checked(site, fetch, target: Path, mood) -> None:
    site.google = True
    assert fetch().checked == "md5 of the server"
    target.unlink()
    site.google = False
    site.moods["/file"] = [mood(headers=(("X-Goog-Hash", "md5=AAAAAAAAAAAAAAAAAAAAAA=="),))]
    with pytest.raises(DownloadError, match=r"MD5 \w+, expected 0{32}"):
        fetch()
    assert left(target) == []


def test_a_broken_connection_is_gone_on_with(site, fetch, target: Path, mood) -> None:
    site.moods["/file"] = [mood(cut=300_000), mood(cut=200_000), mood(status=503)]
    assert fetch(digest=SHA256).received == len(DATA)
    assert target.read_bytes() == DATA
    assert [asked for _, asked in site.asked] == [None, "bytes=300000-", "bytes=500000-", "bytes=500000-"]


def test_tries_count_only_while_nothing_comes(site, fetch, target: Path, mood) -> None:
    site.moods["/file"] = [mood(cut=100_000)] * 8
    fetch(digest=SHA256)
    assert target.read_bytes() == DATA


def test_what_is_kept_after_giving_up_is_gone_on_with_later(site, fetch, target: Path, mood) -> None:
    site.moods["/file"] = [mood(cut=400_000)] + [mood(status=500)] * 3
    with pytest.raises(DownloadError) as caught:
        fetch(digest=SHA256)
    for words in (f"{site.url}/file", "HTTP 500", "3 tries", "400000 bytes, is kept", "--mirror", str(target)):
        assert words in str(caught.value)
    assert left(target) == ["file.bin.part", "file.bin.part.tag"]
    assert fetch(digest=SHA256).received == len(DATA) - 400_000
    assert site.asked[-1] == ("/file", "bytes=400000-")
    assert target.read_bytes() == DATA
    assert left(target) == ["file.bin"]


def test_a_server_without_ranges_is_asked_from_the_beginning(site, fetch, target: Path, mood) -> None:
    site.ranges = False
    site.moods["/file"] = [mood(cut=300_000)]
    fetch(digest=SHA256)
    assert target.read_bytes() == DATA
    assert len(site.asked) == 2


def test_without_tag_and_digest_nothing_is_pieced_together(site, fetch, target: Path, mood) -> None:
    site.tags = False
    site.moods["/file"] = [mood(cut=300_000)]
    fetch()
    assert [asked for _, asked in site.asked] == [None, None]
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("tags", [True, False])
def test_parts_of_two_versions_are_not_mixed(site, fetch, target: Path, mood, tags: bool) -> None:
    site.tags = tags
    site.files["/file"] = DATA[::-1]
    site.moods["/file"] = [mood(cut=300_000)] + [mood(status=500)] * 3
    with pytest.raises(DownloadError):
        fetch(digest=SHA256)
    site.files["/file"] = DATA
    # With a tag the server itself begins anew; without, the digest tells, and a second request does.
    assert fetch(digest=SHA256).received == (len(DATA) if tags else 2 * len(DATA) - 300_000)
    assert target.read_bytes() == DATA


def test_a_part_that_is_complete_already_needs_no_bytes(site, fetch, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(DATA)
    assert fetch(digest=SHA256).received == 0
    assert site.asked == [("/file", f"bytes={len(DATA)}-")]


def test_a_part_longer_than_the_file_is_dropped(fetch, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(DATA + b"more")
    fetch(digest=SHA256)
    assert target.read_bytes() == DATA


def test_a_file_that_is_there_is_not_fetched_again(site, fetch, target: Path) -> None:
    fetch(digest=SHA256)
    assert fetch(digest=SHA256).received == 0
    assert len(site.asked) == 1
    assert fetch().checked == "earlier"
    target.write_bytes(b"spoilt")
    assert fetch(digest=SHA256).received == len(DATA)
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    ("promised", "words"),
    [
        ({"digest": "sha256:" + "0" * 64}, ["SHA256", "0" * 64, hashlib.sha256(DATA).hexdigest()]),
        ({"digest": "md5:" + "0" * 32}, ["MD5", "0" * 32]),
        ({"size": 5}, [f"{len(DATA)} bytes", "expected 5"]),
    ],
)
def test_a_wrong_file_is_refused_and_not_kept(site, fetch, target: Path, promised, words: list[str]) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(**promised)
    for word in (f"{site.url}/file", *words):
        assert word in str(caught.value)
    assert left(target) == []
    assert len(site.asked) == 1


@pytest.mark.parametrize(("status", "missing"), [(404, True), (410, True), (403, False), (401, False)])
def test_a_refusal_is_final(site, fetch, target: Path, mood, status: int, missing: bool) -> None:
    site.moods["/file"] = [mood(status=status)] * 3
    with pytest.raises(DownloadError, match=rf"/file is refused: HTTP {status} \w+") as caught:
        fetch()
    assert caught.value.missing is missing
    assert len(site.asked) == 1
    assert left(target) == []


def test_waiting_doubles_and_heeds_the_server(site, fetch, fetcher: HttpFetcher, mood) -> None:
    slept: list[float] = []
    site.moods["/file"] = [mood(status=429, headers=(("Retry-After", "7"),)), mood(status=500), mood(status=500)]
    fetch(using=evolve(fetcher, tries=4, pause=1.0, sleep=slept.append))
    assert sum(slept) == 7 + 2 + 4


def test_who_waits_hears_a_request_to_stop(site, fetch, fetcher: HttpFetcher, mood) -> None:
    slept: list[float] = []
    site.moods["/file"] = [mood(status=500)]
    with pytest.raises(RunInterruptedError):
        fetch(using=evolve(fetcher, pause=60.0, sleep=slept.append), stop=lambda: len(slept) == 3)
    assert sum(slept) < 1


def test_a_silent_server_is_given_up(site, fetch, fetcher: HttpFetcher, mood) -> None:
    site.moods["/file"] = [mood(pause=0.3)] * 2
    with pytest.raises(DownloadError, match=r"no answer in time \(2 tries\)"):
        fetch(using=evolve(fetcher, timeout=0.1, tries=2))


def test_a_slow_server_is_waited_for(site, fetch, target: Path, mood) -> None:
    site.moods["/file"] = [mood(pause=0.1)]
    fetch(digest=SHA256)
    assert target.read_bytes() == DATA


def test_an_address_where_nobody_answers_says_what_to_do(fetcher: HttpFetcher, target: Path) -> None:
    file = RemoteFile("http://127.0.0.1:9/pets/images.tar.gz", "images.tar.gz")
    with pytest.raises(DownloadError, match="Connection refused") as caught:
        fetcher.fetch(file, target, lambda done, total: None, lambda: False)
    for words in (file.url, "https_proxy", "--mirror", f"put the file at {target}"):
        assert words in str(caught.value)
    assert left(target) == []


def test_a_login_page_is_no_file(site, fetch, target: Path, mood) -> None:
    site.moods["/file"] = [mood(headers=(("Content-Type", "text/html; charset=utf-8"),))]
    with pytest.raises(DownloadError, match="a web page"):
        fetch()
    assert left(target) == []


def test_a_full_disk_is_told_apart_from_the_network(site, fetch, target: Path, file_limit) -> None:
    full = pytest.raises(DownloadError, match=r"file\.bin\.part cannot be written: File too large")
    with full, file_limit(300_000):
        fetch(digest=SHA256)
    assert len(site.asked) == 1
    assert target.with_name("file.bin.part").stat().st_size == 300_000
    assert fetch(digest=SHA256).received == len(DATA) - 300_000


def test_a_place_that_cannot_be_is_named(site, fetch, target: Path) -> None:
    target.parent.write_bytes(b"a file where a folder should be")
    with pytest.raises(DownloadError, match=r"file\.bin\.part cannot be written"):
        fetch()
    assert len(site.asked) == 1


def test_a_request_to_stop_is_heeded_and_the_part_kept(fetch, target: Path) -> None:
    seen: list[int] = []
    with pytest.raises(RunInterruptedError, match="Repeat the command to continue"):
        fetch(stop=lambda: bool(seen), listen=lambda done, total: seen.append(done), digest=SHA256)
    part = target.with_name("file.bin.part")
    assert 0 < part.stat().st_size < len(DATA)
    assert part.read_bytes() == DATA[: part.stat().st_size]
    assert fetch(digest=SHA256).received < len(DATA)


def test_a_proxy_of_the_environment_is_used(site, fetcher: HttpFetcher, target: Path, monkeypatch) -> None:
    site.files["http://data.example/file"] = DATA
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr("urllib.request._opener", None)  # made once a process, with the proxies of that moment
    fetcher.fetch(RemoteFile("http://data.example/file", "file", SHA256), target, lambda *_: None, lambda: False)
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    "answer",
    [
        {"headers": (("X-Goog-Hash", "md5=abc"),)},
        {"status": 503, "headers": (("Retry-After", "\xb2"),)},
        {"status": 302, "headers": (("Location", "http://[::bad/"),)},
    ],
)
def test_nonsense_in_an_answer_is_tried_again_or_passed_over(site, fetch, target: Path, mood, answer) -> None:
    site.moods["/file"] = [mood(**answer)]
    fetch(digest=SHA256)
    assert target.read_bytes() == DATA
