"""Prepared data sets on disk: how images are kept, and what is said when the folder is not as it was."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters import files
from segport.adapters.data.codec import PictureCodec
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.adapters.storage.tables import parse_splits
from segport.domain.classes import ClassMap
from segport.domain.description import DatasetInfo
from segport.domain.errors import DataError
from segport.domain.ports.dataset import Dataset, SourceItem
from segport.domain.ports.preparing import DatasetRow, DatasetStore, KnowsPrepared
from segport.domain.samples import Task

CODEC = PictureCodec()
STORE: DatasetStore = DatasetFolders(CODEC)
CLASSES = ClassMap.of(["a, with comma", "b"])
IMAGE = np.random.default_rng(2).integers(0, 256, (4, 6, 3), np.uint8)
LABELS = np.arange(24, dtype=np.uint8).reshape(4, 6) % 2
INFO = DatasetInfo(
    "x", Task.BINARY, 3, 41, {"train": 1, "val": 1}, (0.1 + 0.2, 0.5, 1e-9), (1.0, 1.0, 1.0),
    {"a, with comma": 12, "b": 12}, 3, {"inverse": (1.0, 1.0), "median": (0.25, 1.75)}, (4, 4, 4), (6, 6, 6),
    "f00", "somewhere", "folders", ("mind the \"gap\"",),
)  # fmt: skip


def source(tmp_path: Path) -> list[SourceItem]:
    """One ordinary picture, and one that must be turned."""
    folder = tmp_path / "source"
    folder.mkdir()
    exif = Pillow.Exif()
    exif[0x0112] = 3
    Pillow.fromarray(IMAGE).save(folder / "plain.png")
    Pillow.fromarray(IMAGE[::-1, ::-1].copy()).save(folder / "turned.png", exif=exif)
    return [SourceItem(name, folder / f"{name}.png", (), None, None) for name in ("plain", "turned")]


def write(tmp_path: Path, *, reference: bool = False, info: DatasetInfo = INFO) -> Path:
    items = source(tmp_path)
    with STORE.create(tmp_path / "deep" / "out", reference=reference) as writer:
        stored = [writer.store(item, IMAGE, LABELS, CLASSES) for item in items]
        writer.store(attrs.evolve(items[0], key="dropped"), IMAGE, LABELS, CLASSES)
        rows = [DatasetRow(i.key, s, p, 4, 6, "g") for i, s, p in zip(items, ("train", "val"), stored, strict=True)]
        return writer.finish(info, CLASSES, rows)


@pytest.mark.parametrize("reference", [False, True])
def test_round_trip(tmp_path: Path, reference: bool) -> None:
    out = write(tmp_path, reference=reference)
    data: Dataset = STORE.open(out)
    assert data.info == INFO
    assert data.classes == CLASSES
    assert data.splits == ["train", "val"]
    for split, key in (("train", "plain"), ("val", "turned")):
        assert len(data.split(split)) == 1
        sample = data.split(split)[0]
        assert sample.key == key
        assert np.array_equal(sample.image, IMAGE)
        assert np.array_equal(sample.labels, LABELS)
    with pytest.raises(IndexError):
        data.split("val")[1]
    with pytest.raises(DataError, match=r"no split 'test'\.\nIt has: train, val"):
        data.split("test")


def test_ordinary_images_are_linked_and_others_converted(tmp_path: Path) -> None:
    out = write(tmp_path)
    assert (out / "images" / "plain.png").samefile(tmp_path / "source" / "plain.png")
    assert not (out / "images" / "turned.png").samefile(tmp_path / "source" / "turned.png")
    assert CODEC.conversion(out / "images" / "turned.png") is None
    assert sorted(os.listdir(out / "images")) == sorted(os.listdir(out / "masks")) == ["plain.png", "turned.png"]


def test_referred_images_stay_where_they_are(tmp_path: Path) -> None:
    out = write(tmp_path, reference=True)
    assert os.listdir(out / "images") == ["turned.png"]
    shutil.move(out, tmp_path / "moved")
    STORE.open(tmp_path / "moved")
    shutil.rmtree(tmp_path / "source")
    with pytest.raises(DataError, match=r"source/plain\.png is missing"):
        STORE.open(tmp_path / "moved")


def test_the_tables_name_the_files_as_they_are(tmp_path: Path) -> None:
    out = write(tmp_path)
    header, *rows = (out / "metadata.csv").read_text().splitlines()
    assert header == "id,split,image,mask,height,width,group,image_sha256,mask_sha256"
    for row in rows:
        _, _, image, mask, height, width, group, image_sha, mask_sha = row.split(",")
        assert (height, width, group) == ("4", "6", "g")
        assert files.sha256_of(out / image) == image_sha
        assert files.sha256_of(out / mask) == mask_sha


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        text = (out / name).read_text()
        assert old in text
        (out / name).write_text(text.replace(old, new))

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda out: (out / name).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("dataset.toml"), "no prepared data set: it holds no dataset.toml"),
        (remove("metadata.csv"), "metadata.csv cannot be read: No such file"),
        (remove("masks/plain.png"), "has changed since it was prepared.\n  - masks/plain.png is missing"),
        (edit("dataset.toml", "schema = 1", "schema = 7"), "schema version 7; this segport reads version 1"),
        (edit("dataset.toml", "schema = 1", ""), "schema version None"),
        (edit("dataset.toml", "seed = 41", ""), "lacks the key 'seed'"),
        (edit("dataset.toml", '"binary"', '"banana"'), "wrong value: 'banana'"),
        (edit("dataset.toml", "seed = 41", "seed ="), "not valid TOML"),
        (edit("metadata.csv", ",4,6,", ",x,6,"), "wrong values.\n  - line 2: "),
        (edit("metadata.csv", "height", "tallness"), "no column height"),
        (edit("metadata.csv", ",val,", ",train,"), "has splits of"),
        (edit("class_dict.csv", "\nb,", "\nc,"), "class_dict.csv names a, with comma, c"),
    ],
)
def test_what_has_changed_is_named(tmp_path: Path, change: Callable[[Path], None], message: str) -> None:
    out = write(tmp_path)
    change(out)
    with pytest.raises(DataError) as caught:
        STORE.open(out)
    assert message in str(caught.value)


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        STORE.open(path)
    return caught.value


def test_a_folder_that_is_no_data_set_is_told_what_to_do(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "images").mkdir(parents=True)
    assert "is no prepared data set" in refused(raw).message
    assert refused(raw).fix == f"Make one: segport prepare {raw} {raw}-prepared."
    assert refused(tmp_path / "gone").message == f"{tmp_path / 'gone'} does not exist."
    assert "segport prepare SOURCE" in refused(tmp_path / "gone").fix
    assert "moved can be named with --data" in refused(tmp_path / "gone").fix
    (raw / "run.toml").touch()
    assert refused(raw).message == f"{raw} is a run, not a prepared data set."
    assert str(raw / "run.toml") in refused(raw).fix


def test_the_folder_that_one_stands_in_is_not_its_own_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(Path()).fix == "Make one: segport prepare . OUT."


def test_data_sets_near_a_folder_are_suggested(tmp_path: Path) -> None:
    out = write(tmp_path)
    assert refused(out.parent).fix == f"Did you mean {out}?"
    raw = tmp_path / "raw"
    raw.mkdir()
    out.rename(tmp_path / "raw-prepared")
    assert refused(raw).fix == f"Did you mean {raw}-prepared?"
    for number in range(7):
        (raw / str(number)).mkdir()
        (raw / str(number) / "dataset.toml").touch()
    assert refused(raw).fix.endswith(f"{raw / '4'} or ... and 3 more?")


def test_a_source_that_was_prepared_is_known(tmp_path: Path) -> None:
    out = write(tmp_path)
    assert isinstance(STORE, KnowsPrepared)
    for source in (out, out.parent):
        found = STORE.prepared(source)
        assert found is not None
        assert (found.root, found.source) == (out, "somewhere")
        assert [(row.id, row.split, row.group, row.referred) for row in found.rows] == [
            ("plain", "train", "g", False),
            ("turned", "val", "g", False),
        ]
    assert STORE.prepared(tmp_path) is None  # source/ lies beside it
    assert STORE.prepared(tmp_path / "gone") is None
    (out / "metadata.csv").write_text("id,split\n")
    with pytest.raises(DataError, match=r"metadata\.csv has no column"):
        STORE.prepared(out)
    (out / "dataset.toml").write_text("[general]\n")  # of another program
    assert STORE.prepared(out) is None


def test_images_that_are_referred_to_are_told_from_those_inside(tmp_path: Path) -> None:
    out = write(tmp_path, reference=True)
    assert isinstance(STORE, KnowsPrepared)
    found = STORE.prepared(out)
    assert found is not None
    assert [row.referred for row in found.rows] == [True, False]


def test_a_picture_of_another_size_is_refused_when_read(tmp_path: Path) -> None:
    out = write(tmp_path)
    CODEC.write_labels(out / "masks" / "turned.png", LABELS[:2], CLASSES)
    data = STORE.open(out)
    assert data.split("train")[0].key == "plain"
    with pytest.raises(DataError, match=r"turned\.png is 2x6 pixels \(height x width\), but was 4x6"):
        data.split("val")[0]


def test_images_have_the_channels_of_their_data_set(tmp_path: Path) -> None:
    out = write(tmp_path, info=attrs.evolve(INFO, channels=1))
    sample = STORE.open(out).split("train")[0]
    luma = np.asarray(Pillow.fromarray(IMAGE).convert("L"))
    assert np.array_equal(sample.image, luma[..., None])


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "link_or_copy", full)
    with pytest.raises(DataError, match=r"cannot be written: No space left on device\.(.|\n)*Nothing was left behind"):
        write(tmp_path)
    assert os.listdir(tmp_path / "deep") == []


def test_a_place_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file")
    with pytest.raises(DataError, match="cannot be written"):
        write(tmp_path)


def test_what_came_to_the_place_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    items = source(tmp_path)
    out = tmp_path / "out"
    with STORE.create(out) as writer:
        pair = writer.store(items[0], IMAGE, LABELS, CLASSES)
        out.mkdir()
        (out / "mine").write_text("keep")
        with pytest.raises(DataError, match="cannot be written"):
            writer.finish(INFO, CLASSES, [DatasetRow("plain", "train", pair, 4, 6)])
    assert sorted(os.listdir(tmp_path)) == ["out", "source"]
    assert os.listdir(out) == ["mine"]


def test_an_empty_place_is_taken(tmp_path: Path) -> None:
    (tmp_path / "deep" / "out").mkdir(parents=True)
    STORE.open(write(tmp_path))


@pytest.mark.parametrize("key", ["a/b", "", ".hidden", "a:b"])
def test_ids_that_are_no_file_names_are_refused(tmp_path: Path, key: str) -> None:
    item = attrs.evolve(source(tmp_path)[0], key=key)
    with STORE.create(tmp_path / "out") as writer, pytest.raises(DataError, match="cannot be a file's name"):
        writer.store(item, IMAGE, LABELS, CLASSES)


def test_class_files(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("sky\n\nsea \n")
    assert STORE.read_classes(tmp_path / "names.txt").names == ("sky", "sea")
    (tmp_path / "numbered.txt").write_text("5 sky\n2: the sea\n")
    sea, sky = STORE.read_classes(tmp_path / "numbered.txt").classes
    assert (sea.name, sea.values, sky.name, sky.values) == ("the sea", (2,), "sky", (5,))
    (tmp_path / "c.csv").write_text("\ufeffname,r,g,b\nsky,1,2,3\n", encoding="utf-8")
    assert STORE.read_classes(tmp_path / "c.csv").names == ("sky",)
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"bad\.txt is not UTF-8"):
        STORE.read_classes(tmp_path / "bad.txt")
    (tmp_path / "twice.txt").write_text("sky\nsky\n")
    with pytest.raises(DataError, match=r"twice\.txt is no list of class names\.\n.*'sky'"):
        STORE.read_classes(tmp_path / "twice.txt")


def test_lists_of_splits(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("id, split\na,train\nb, val\n")
    assert STORE.read_splits(tmp_path / "s.csv") == {"a": "train", "b": "val"}
    with pytest.raises(DataError, match=r"no column split\.(.|\n)*id,split"):
        parse_splits("id\na\n", "s.csv")
    with pytest.raises(DataError) as caught:
        parse_splits("id,split\na,train\na,val\n,val\nc,\n", "s.csv")
    assert caught.value.problems == (
        "line 3: 'a' is 'val' here and 'train' above",
        "line 4: the id is empty",
        "line 5: the split is empty",
    )
    with pytest.raises(DataError, match="line 2: expected 2 columns"):
        parse_splits("id,split\na\n", "s.csv")


def test_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    out = write(tmp_path)
    table = out / "metadata.csv"
    table.write_text(table.read_text().replace("turned,val", "plain,val"))
    with pytest.raises(DataError, match="the id 'plain' 2 times"):
        STORE.open(out)
