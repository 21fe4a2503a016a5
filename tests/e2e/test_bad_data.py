"""What `segport prepare` says of data that cannot be used: file, value, count and cure, and nothing left on disk."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.fixture
def refused(cli, tmp_path: Path, source: Path):
    """Prepares ``source`` and requires the refusal, its words, and an untouched disk."""

    def run(*words: str, code: int = 3, flags: tuple[str, ...] = ()) -> str:
        before = listing(tmp_path)
        said = cli("prepare", source, tmp_path / "out", *flags)
        said.failed(code, *words)
        assert listing(tmp_path) == before
        return said.err

    return run


def listing(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_an_empty_folder(refused, source: Path) -> None:
    shutil.rmtree(source)
    source.mkdir()
    refused(f"{source} is empty", "Give a folder with images and masks")


def test_folders_without_pictures(refused, source: Path) -> None:
    for path in source.glob("*/*.png"):
        path.unlink()
    refused("no pairs of images and masks")


def test_a_source_that_is_not_there(refused, source: Path) -> None:
    shutil.rmtree(source)
    refused(f"{source} does not exist")


def test_orphans_on_both_sides_are_listed_together(refused, source: Path) -> None:
    (source / "masks" / "b.png").unlink()
    (source / "images" / "d.png").unlink()
    refused("2 of 5 ", "image without mask: images/b.png", "mask without image: masks/d.png", "same name")


def test_names_that_pair_nowhere_are_told_before_unknown_classes(refused, source: Path) -> None:
    (source / "class_dict.csv").unlink()
    for folder in ("images", "masks"):
        for path in (source / folder).iterdir():
            path.rename(path.with_name(f"{folder[:-1]}_{path.name}"))
    told = refused("10 of 10 ", "image without mask: images/image_a.png", "'image_'", "'mask_'", "Rename")
    assert "classes" not in told


def test_a_stack_of_pages(refused, source: Path) -> None:
    (source / "images" / "a.png").unlink()
    planes = [Pillow.new("RGB", (32, 24), (value,) * 3) for value in (9, 99)]
    planes[0].save(source / "images" / "a.tif", save_all=True, append_images=planes[1:])
    refused("images/a.tif", "several pages of one size", "an image of its own")


def test_a_data_set_that_refers_to_its_images_is_no_source(cli, tmp_path: Path, source: Path) -> None:
    assert cli("prepare", source, tmp_path / "first", "--reference").code == 0
    said = cli("prepare", tmp_path / "first", tmp_path / "out")
    said.failed(3, "--reference", "original source", str(source))
    assert "mask without image" not in said.err


def test_a_prepared_data_set_prepared_again_is_the_same(cli, tmp_path: Path, source: Path) -> None:
    assert cli("prepare", source, tmp_path / "first", "--seed", "5").code == 0
    said = cli("prepare", tmp_path / "first", tmp_path / "out")
    assert said.code == 0
    assert "splits: those of the prepared data set" in said.out
    assert (tmp_path / "out" / "metadata.csv").read_text() == (tmp_path / "first" / "metadata.csv").read_text()


def test_sizes_that_differ(refused, source: Path, picture) -> None:
    picture(source / "masks" / "c.png", np.zeros((32, 24), np.uint8))
    refused("c.png", "32x24", "24x32", "1 of 5 ", "same size", "turned")


def test_a_value_outside_the_table(refused, source: Path, picture) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[3, :5] = 7
    picture(source / "masks" / "b.png", mask)
    refused("b.png", "value 7: 5 pixels", "2 classes", "--ignore 7", "--skip-bad")


def test_255_beside_classes_is_probably_ignore(refused, source: Path, picture) -> None:
    mask = np.ones((24, 32), np.uint8)
    mask[0, :] = 255
    mask[1, :] = 0
    picture(source / "masks" / "b.png", mask)
    refused("value 255: 32 pixels", "255 is often ignore: pass --ignore 255")


def test_0_and_255_are_probably_binary(refused, source: Path, picture) -> None:
    (source / "class_dict.csv").write_text("name,r,g,b\nsky,1,2,3\nroad,4,5,6\ncar,7,8,9\n", encoding="utf-8")
    mask = np.zeros((24, 32), np.uint8)
    mask[:12] = 255
    picture(source / "masks" / "e.png", mask)
    refused("e.png", "value 255: 384 pixels", "0/255 binary mask?")


def test_labels_that_start_at_one(refused, source: Path, picture) -> None:
    for name in "abcde":
        mask = np.ones((24, 32), np.uint8)
        mask[:12] = 2
        picture(source / "masks" / f"{name}.png", mask)
    refused("5 of 5 ", "value 2: 384 pixels", "start at 1", "'index'")


def test_unknown_colours(refused, source: Path, picture) -> None:
    mask = np.zeros((24, 32, 3), np.uint8)
    mask[0, :3] = (10, 20, 30)
    picture(source / "masks" / "a.png", mask)
    refused("a.png", "(10, 20, 30): 3 pixels", "class_dict.csv")


def test_smoothed_colours_are_told_from_missing_ones(refused, source: Path, picture) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
    picture(source / "masks" / "a.png", noise)
    refused("a.png", "more colours", "JPEG compression or of smoothed edges")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not a picture at all", encoding="utf-8")


def bomb(path: Path) -> None:
    """A valid PNG of some 100 bytes that claims 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("folder", ["images", "masks"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncated, ["broken or cut short"]),
        (emptied, ["empty (0 bytes)"]),
        (text, ["not an image of a known format"]),
        (bomb, ["60000 x 60000", "3600000000 pixels", "limit"]),
    ],
)
def test_files_that_are_no_pictures(refused, source: Path, folder: str, spoil, words: list[str]) -> None:
    spoil(source / folder / "d.png")
    refused(f"{folder}/d.png", "1 of 5 ", f"1 {folder[:-1]} cannot be used", *words)


def test_a_folder_named_like_a_picture(refused, source: Path) -> None:
    (source / "images" / "a.png").unlink()
    (source / "images" / "a.png").mkdir()
    refused("mask without image: masks/a.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(refused, source: Path) -> None:
    (source / "images" / "a.png").chmod(0)
    refused("images/a.png", "permission denied")


def test_16_bit_images_are_brought_to_8_bits(cli, tmp_path: Path, source: Path) -> None:
    deep = np.linspace(0, 65535, 24 * 32).reshape(24, 32).round().astype(np.uint16)
    Pillow.fromarray(deep).save(source / "images" / "a.png")
    assert cli("prepare", source, tmp_path / "out").code == 0
    kept = np.asarray(Pillow.open(tmp_path / "out" / "images" / "a.png"))
    np.testing.assert_array_equal(kept[..., 0], (deep.astype(np.int64) + 128) // 257)


def test_16_bit_images_of_a_narrow_range_are_refused(refused, source: Path) -> None:
    Pillow.fromarray(np.full((24, 32), 900, np.uint16)).save(source / "images" / "a.png")
    refused("images/a.png", "16 bits", "900 of 65535", "8 bits")


def test_16_bit_masks_are_read_by_value(cli, refused, tmp_path: Path, source: Path) -> None:
    mask = np.zeros((24, 32), np.uint16)
    mask[:2] = 1
    Pillow.fromarray(mask).save(source / "masks" / "a.png")
    assert cli("prepare", source, tmp_path / "fine").code == 0
    assert np.asarray(Pillow.open(tmp_path / "fine" / "masks" / "a.png")).sum() == 64
    mask[5, 5] = 1000
    Pillow.fromarray(mask).save(source / "masks" / "a.png")
    refused("masks/a.png", "value 1000: 1 pixel")


def test_two_files_of_one_name(refused, source: Path, picture) -> None:
    picture(source / "images" / "a.bmp", np.zeros((24, 32, 3), np.uint8))
    refused("same name twice", "images/a.bmp", "images/a.png")


def test_fewer_images_than_splits(refused, source: Path) -> None:
    for name in "abc":
        for folder in ("images", "masks"):
            (source / folder / f"{name}.png").unlink()
    refused("2 images", "3")


def test_all_that_is_wrong_comes_in_one_message_worst_first(refused, source: Path, picture) -> None:
    emptied(source / "images" / "e.png")
    picture(source / "masks" / "a.png", np.full((24, 32), 9, np.uint8))
    picture(source / "masks" / "c.png", np.zeros((5, 5), np.uint8))
    (source / "masks" / "b.png").unlink()
    told = refused("4 of 5 ", "e.png", "value 9: 768 pixels", "5x5", "image without mask: images/b.png")
    assert told.index("e.png") < told.index("value 9") < told.index("5x5")


def test_skip_bad_goes_on_and_lists_what_it_left_out(cli, tmp_path: Path, source: Path) -> None:
    emptied(source / "images" / "e.png")
    (source / "masks" / "b.png").unlink()
    said = cli("prepare", source, tmp_path / "out", "--skip-bad", "--json")
    assert said.code == 0
    left_out = "\n".join(sorted(said.object["left_out"]))
    assert len(said.object["left_out"]) == 2
    for name in ("images/e.png", "images/b.png"):
        assert name in left_out
        assert name in said.err
    assert "left out" in said.err
    assert sum(said.object["split_sizes"].values()) == 3
    assert not [path for path in (tmp_path / "out").rglob("*") if path.stem in ("b", "e")]


def test_skip_bad_cannot_go_on_with_nothing(refused, source: Path) -> None:
    for path in (source / "images").iterdir():
        emptied(path)
    told = refused("5 of 5 ", "5 images cannot be used", flags=("--skip-bad",))
    assert "--skip-bad" not in told


def test_a_place_that_holds_something_is_left_alone(cli, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "diary.txt").write_text("dear diary", encoding="utf-8")
    cli("prepare", source, out).failed(3, str(out), "already holds files", "empty or does not exist")
    assert listing(out) == [str(out / "diary.txt")]


def test_a_prepared_data_set_is_not_overwritten(cli, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    assert cli("prepare", source, out).code == 0
    before = listing(tmp_path)
    cli("prepare", source, out).failed(3, "already holds a prepared data set", "Choose another folder")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("split", ["0.8", "a,b,c", "0,0,0", "-1,1,1", "nan,1,1"])
def test_ratios_that_cannot_be(refused, split: str) -> None:
    refused(split.split(",")[0], code=2, flags=(f"--split={split}",))


def test_a_class_table_with_mistakes_shows_them_all(refused, source: Path) -> None:
    table = "name,r,g,b\nground,0,0,0\ncell,300,0,0\nground,1,x,1\n"
    (source / "class_dict.csv").write_text(table, encoding="utf-8")
    refused("class_dict.csv", "300", "'x'", "ground")


def test_masks_without_meaning_ask_for_a_table(refused, source: Path, picture) -> None:
    (source / "class_dict.csv").unlink()
    for i, name in enumerate("abcde"):
        picture(source / "masks" / f"{name}.png", np.full((24, 32), i, np.uint8))
    refused("class_dict.csv", "--classes")


@pytest.mark.parametrize("command", ["inspect", "train"])
def test_a_folder_that_was_not_prepared(cli, tmp_path: Path, source: Path, command: str) -> None:
    said = cli(command, source)
    said.failed(3, str(source), "segport prepare")


def test_a_prepared_data_set_that_was_tampered_with(cli, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    assert cli("prepare", source, out).code == 0
    for name in "ab":
        next((out / "masks").glob(f"{name}.*")).unlink()
    before = listing(tmp_path)
    cli("train", out, "--run", tmp_path / "run").failed(3, "masks/a.png", "masks/b.png")
    assert listing(tmp_path) == before
