"""Published weights, from a server of our own that looks like the hub."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from segport.adapters import claim
from segport.adapters.network.fetcher import HttpFetcher
from segport.adapters.network.hub import HuggingFaceHub, hub_of
from segport.domain.errors import DownloadError

REPOSITORY = "timm/resnet18.tv_in1k"
FILE = "model.safetensors"
DATA = bytes(range(256)) * 40
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


class Server(ThreadingHTTPServer):
    """Holds files by path, and notes what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def publish(self, data: bytes, promised: bytes | None, file: str = FILE) -> None:
        self.files = {f"/{REPOSITORY}/resolve/main/{file}": data}
        if promised is not None:
            pointer = POINTER.format(hashlib.sha256(promised).hexdigest(), len(promised))
            self.files[f"/{REPOSITORY}/raw/main/{file}"] = pointer.encode()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        data = self.server.files.get(self.path)
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def hub(server: Server, cache: Path, **changes: object) -> HuggingFaceHub:
    fetcher = HttpFetcher(tries=1, sleep=lambda seconds: None)
    return HuggingFaceHub(fetcher, cache, server.address, **changes)  # type: ignore[arg-type]


def test_it_is_fetched_once_checked_and_kept(server: Server, tmp_path: Path) -> None:
    server.publish(DATA, DATA)
    path = hub(server, tmp_path).weights(REPOSITORY, FILE)
    assert path.read_bytes() == DATA
    assert tmp_path in path.parents
    assert len(server.asked) == 2
    assert hub(server, tmp_path).weights(REPOSITORY, FILE) == path
    assert hub(server, tmp_path, offline=True).weights(REPOSITORY, FILE) == path
    assert len(server.asked) == 2


def test_several_that_ask_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    server.publish(DATA, DATA)
    barrier, found = threading.Barrier(4), []

    def ask() -> None:
        barrier.wait(10)
        found.append(hub(server, tmp_path).weights(REPOSITORY, FILE).read_bytes())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DATA] * 4
    assert len(server.asked) == 2
    assert not list(tmp_path.rglob(".*"))


def test_a_cache_that_cannot_be_written_to_serves_what_it_holds(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(DATA, DATA)
    path = hub(server, tmp_path).weights(REPOSITORY, FILE)

    def refused(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(claim, "_taken", refused)
    assert hub(server, tmp_path).weights(REPOSITORY, FILE) == path


def test_a_repository_may_hold_a_file_of_torch(server: Server, tmp_path: Path) -> None:
    server.publish(DATA, DATA, "pytorch_model.bin")
    path = hub(server, tmp_path).weights(REPOSITORY, "pytorch_model.bin")
    assert path.name == "pytorch_model.bin"
    assert path.read_bytes() == DATA


def test_a_damaged_one_in_the_cache_is_fetched_again(server: Server, tmp_path: Path) -> None:
    server.publish(DATA, DATA)
    path = hub(server, tmp_path).weights(REPOSITORY, FILE)
    path.write_bytes(DATA[:-1] + b"x")
    assert hub(server, tmp_path).weights(REPOSITORY, FILE).read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA[:-1] + b"x", DATA[:-1]])
def test_another_file_than_was_promised_is_refused(server: Server, tmp_path: Path, data: bytes) -> None:
    server.publish(data, DATA)
    with pytest.raises(DownloadError, match="is not the file that was expected") as caught:
        hub(server, tmp_path).weights(REPOSITORY, FILE)
    assert "--encoder-weights FILE" in caught.value.fix
    assert not list(tmp_path.rglob("model.safetensors"))


def test_a_mirror_without_pointers_is_believed(server: Server, tmp_path: Path) -> None:
    server.publish(DATA, None)
    assert hub(server, tmp_path).weights(REPOSITORY, FILE).read_bytes() == DATA


def test_what_cannot_be_had_is_told_with_what_to_do(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404") as missing:
        hub(server, tmp_path).weights(REPOSITORY, FILE)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set") as offline:
        hub(server, tmp_path, offline=True).weights(REPOSITORY, FILE)
    server.server_close()
    with pytest.raises(DownloadError, match="cannot be fetched") as unreachable:
        hub(server, tmp_path).weights(REPOSITORY, FILE)
    for caught in (missing, offline, unreachable):
        assert f"{server.address}/{REPOSITORY}/resolve/main/model.safetensors" in caught.value.fix
        assert "--encoder-weights FILE" in caught.value.fix
        assert "HF_ENDPOINT" in caught.value.fix


def test_the_environment_says_where(tmp_path: Path) -> None:
    fetcher = HttpFetcher()
    usual = hub_of({}, fetcher)
    assert (usual.endpoint, usual.offline) == ("https://huggingface.co", False)
    assert usual.cache == Path.home() / ".cache" / "segport"
    assert hub_of({"XDG_CACHE_HOME": "/x"}, fetcher).cache == Path("/x/segport")
    changed = hub_of({"SEGPORT_CACHE": "/c", "HF_ENDPOINT": "http://m/", "HF_HUB_OFFLINE": "1"}, fetcher)
    assert (changed.cache, changed.endpoint, changed.offline) == (Path("/c"), "http://m", True)
    assert not hub_of({"HF_HUB_OFFLINE": "0"}, fetcher).offline


def test_a_process_may_have_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert hub_of({"SEGPORT_CACHE": "/c"}, HttpFetcher()).cache == Path("/c")
    assert hub_of({}, HttpFetcher()).cache == Path(".cache/segport")
