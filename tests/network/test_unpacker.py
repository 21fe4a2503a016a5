"""Archives of strangers: what is good in them is unpacked, what is not is refused by name."""

from __future__ import annotations

import io
import os
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from segport.adapters.network.unpacker import ArchiveUnpacker
from segport.domain.errors import DataError, RunInterruptedError

GOOD = {"top/a.txt": b"a" * 3000, "./top/b/c.txt": b"", "top/ü/d.txt": b"d"}
Make = Callable[[Path, Mapping[str, bytes]], Path]


def zipped(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(folder: Path, files: Mapping[str, bytes], mode: str = "w", name: str = "data.tar") -> Path:
    path = folder / name
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        top = tarfile.TarInfo("top")
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for member, data in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def gzipped(folder: Path, files: Mapping[str, bytes]) -> Path:
    return tarred(folder, files, "w:gz", "data.tgz")


@pytest.fixture(params=[zipped, tarred, gzipped])
def make(request: pytest.FixtureRequest) -> Make:
    """One of the three forms of archives."""
    made: Make = request.param
    return made


def unpack(archive: Path, folder: Path, place=lambda name: name, stop=lambda: False, **limits) -> Sequence[str]:
    return ArchiveUnpacker(**limits).unpack(archive, folder, place, lambda done, total: None, stop)


def found(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_file_comes_out(make: Make, tmp_path: Path) -> None:
    names = unpack(make(tmp_path, GOOD), tmp_path / "out")
    expected = {name.removeprefix("./"): data for name, data in GOOD.items()}
    assert list(names) == list(expected)
    assert found(tmp_path / "out") == expected


def test_files_are_placed_or_left_out(make: Make, tmp_path: Path) -> None:
    names = unpack(make(tmp_path, GOOD), tmp_path / "out", {"top/a.txt": "x/y.txt"}.get)
    assert list(names) == ["top/a.txt"]
    assert found(tmp_path / "out") == {"x/y.txt": GOOD["top/a.txt"]}


def test_what_systems_leave_behind_is_passed_over(make: Make, tmp_path: Path) -> None:
    junk = ("__MACOSX/top/._a.txt", "top/._a.txt", "top/.DS_Store", "top/Thumbs.db")
    unpack(make(tmp_path, {"top/a.txt": b"a", **dict.fromkeys(junk, b"junk")}), tmp_path / "out")
    assert set(found(tmp_path / "out")) == {"top/a.txt"}


@pytest.mark.parametrize(
    "name", ["../evil.txt", "top/../../evil.txt", "/tmp/evil.txt", "top/..", "C:evil.txt", "top\\..\\evil.txt", "a\nb"]
)
def test_a_path_that_may_lead_outside_is_refused(make: Make, tmp_path: Path, name: str) -> None:
    archive = make(tmp_path, {"top/a.txt": b"a", name: b"evil"})
    before = found(tmp_path)
    with pytest.raises(DataError, match=r"data\.\w+ holds .*, a path that may lead out"):
        unpack(archive, tmp_path / "in" / "out")
    assert set(found(tmp_path)) - set(before) <= {"in/out/top/a.txt"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "data.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("top/link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DataError, match=r"data\.tar holds 'top/link', which is a link or a device"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_with_holes_in_a_tar_is_refused(tmp_path: Path) -> None:
    """Its zeros are made while it is unpacked, where nobody would count them."""
    path = tmp_path / "data.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("top/holes.bin")
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "top/holes.bin",
            "GNU.sparse.realsize": str(1 << 30),
        }
        content = b"1\n1073741823\n1\n".ljust(512, b"\0") + b"x"
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    with pytest.raises(DataError, match=r"data\.tar holds 'top/holes\.bin', which is a file with holes"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc")
        archive.writestr("link/evil.txt", "evil")
    with pytest.raises(DataError, match="'link', which is a link"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "first")
        archive.writestr("./a.txt", "second")
    with pytest.raises(DataError, match="twice"):
        unpack(path, tmp_path / "out")
    assert found(tmp_path / "out") == {"a.txt": b"first"}


def test_a_file_that_is_also_a_folder_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"top/a.txt/b.txt cannot be written"):
        unpack(make(tmp_path, {"top/a.txt": b"a", "top/a.txt/b.txt": b"b"}), tmp_path / "out")


@pytest.mark.parametrize("pack", [zipped, gzipped])
def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path, pack: Make) -> None:
    archive = pack(tmp_path, {f"top/{n}.bin": bytes(400_000) for n in range(10)})
    with pytest.raises(DataError, match="far too many unpacked bytes"):
        unpack(archive, tmp_path / "out", free_bytes=1_000_000, max_ratio=20.0)
    written = sum(map(len, found(tmp_path / "out").values()))
    assert written <= 1_000_000
    assert len(unpack(archive, tmp_path / "again", free_bytes=1_000_000, max_ratio=2000.0)) == 10


def test_too_many_bytes_or_files_are_refused(make: Make, tmp_path: Path) -> None:
    archive = make(tmp_path, GOOD)
    with pytest.raises(DataError, match="far too many files"):
        unpack(archive, tmp_path / "out", max_files=2)
    with pytest.raises(DataError, match="far too many unpacked bytes"):
        unpack(archive, tmp_path / "out2", max_bytes=100)


def test_headers_count_as_unpacked_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.txt")
        info.pax_headers = {"comment": "x" * 3_000_000}
        archive.addfile(info)
    with pytest.raises(DataError, match="unpacked bytes"):
        unpack(path, tmp_path / "out", free_bytes=1_000_000, max_ratio=20.0)


@pytest.mark.parametrize("pack", [zipped, gzipped])
@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"PK" + data])
def test_a_damaged_archive_is_named_with_what_to_do(tmp_path: Path, pack: Make, spoil) -> None:
    archive = pack(tmp_path, {"top/a.bin": os.urandom(50_000)})
    data = bytearray(spoil(archive.read_bytes()))
    data[len(data) // 3 : len(data) // 3 + 20] = bytes(20)
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"data\.\w+ cannot be unpacked: .+") as caught:
        unpack(archive, tmp_path / "out")
    assert "Delete it" in str(caught.value)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path, {"a.txt": b"a"})
    data = bytearray(archive.read_bytes())
    for marker, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.rindex(marker) + offset] |= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        unpack(archive, tmp_path / "out")


def test_a_rare_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(DataError, match="otherwise than by deflate"):
        unpack(tmp_path / "data.zip", tmp_path / "out")


def test_a_damaged_archive_is_never_anything_but_a_data_error(make: Make, tmp_path: Path) -> None:
    archive = make(tmp_path, GOOD)
    good, ends = archive.read_bytes(), set()
    for seed in range(60):
        rng = random.Random(seed)
        data = bytearray(good)
        for _ in range(4):
            data[rng.randrange(len(data))] = rng.randrange(256)
        archive.write_bytes(data)
        try:
            unpack(archive, tmp_path / "out" / str(seed))
            ends.add("unpacked")
        except DataError:
            ends.add("refused")
    assert "refused" in ends
    assert {path.name for path in tmp_path.iterdir()} == {archive.name, "out"}


def test_a_full_disk_is_told_apart_from_a_damaged_archive(make: Make, tmp_path: Path, file_limit) -> None:
    archive = make(tmp_path, GOOD)
    with pytest.raises(DataError, match=r"out/top/a\.txt cannot be written: File too large"), file_limit(1000):
        unpack(archive, tmp_path / "out")


def test_a_request_to_stop_is_heeded(make: Make, tmp_path: Path) -> None:
    with pytest.raises(RunInterruptedError, match="Repeat the command to continue"):
        unpack(make(tmp_path, GOOD), tmp_path / "out", stop=lambda: (tmp_path / "out" / "top/a.txt").exists())
    assert set(found(tmp_path / "out")) == {"top/a.txt"}
