"""Files are replaced whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest

from segport.adapters import files


def test_write_replaces_and_makes_parents(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    files.write_text(path, "one\r\n")
    files.write_text(path, "zwei ü\n")
    assert path.read_bytes() == "zwei ü\n".encode()
    assert os.listdir(path.parent) == ["b.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "x.bin"
    files.write_bytes(path, b"old")

    def write_half() -> None:
        with files.atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
    assert path.read_bytes() == b"new"


def test_data_is_on_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b))[1])
    files.write_bytes(tmp_path / "x", b"1")
    assert calls == ["fsync", "rename", "fsync"]


def test_links_share_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "b"
    source.write_bytes(b"1")
    files.link_or_copy(source, target)
    files.link_or_copy(source, target)
    assert target.samefile(source)
    assert os.listdir(target.parent) == ["b"]


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "s").symlink_to("a")
    files.link_or_copy(tmp_path / "s", tmp_path / "t" / "b")
    assert not (tmp_path / "t" / "b").is_symlink()
    assert (tmp_path / "t" / "b").samefile(tmp_path / "a")


def test_copies_where_links_are_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "other device")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"0")
    files.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"1"
    assert not (tmp_path / "b").samefile(tmp_path / "a")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_sha256(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    assert files.sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "folder"

    def make(*, fail: bool) -> None:
        with files.atomic_path(target) as temporary:
            (temporary / "inner").mkdir(parents=True)
            (temporary / "inner" / "a.bin").write_bytes(b"1")
            if fail:
                raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        make(fail=True)
    assert os.listdir(tmp_path) == []
    make(fail=False)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.bin")] == ["folder/inner/a.bin"]
    with pytest.raises(OSError, match=r"not empty|exists"):
        make(fail=False)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path, replaced = tmp_path / "x", iter(["new", "newer"])
    path.write_text("old")

    def read(file: Path) -> tuple[str, str]:
        """Opened twice, and another put in its place between."""
        first = file.read_text()
        with suppress(StopIteration):
            files.write_text(file, next(replaced))
        if first == "new":
            raise ValueError("half of one, half of the other")
        return first, file.read_text()

    assert files.read_whole(path, read) == ("newer", "newer")
    with pytest.raises(FileNotFoundError):
        files.read_whole(tmp_path / "gone", read)
