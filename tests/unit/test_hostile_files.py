"""Files made to do harm: what they ask for is not done, and what is said of them names the file and the reason."""

from __future__ import annotations

import io
import os
import pickle
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.codec import PictureCodec
from segport.adapters.data.decode import decode_image, decode_mask
from segport.adapters.data.readers.annotated import read_json
from segport.adapters.storage.dataset import open_dataset
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.adapters.storage.pretrained import load_pretrained
from segport.adapters.storage.records import read_metrics
from segport.adapters.storage.results import ResultFiles
from segport.adapters.storage.toml import read_toml
from segport.domain.errors import CheckpointError, DataError, InvalidSpecError, SegportError
from segport.domain.masks.instances import to_labels
from segport.domain.masks.planes import Overlap
from segport.domain.masks.polygons import fill
from segport.domain.masks.runlength import decompress, from_counts, from_kaggle
from segport.tests.properties.fuzz_seeds import PREPARED, npy, npz, torch_zip
from segport.tests.properties.fuzzing import limited

MEGABYTES = 1 << 20


class Evil:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.witness}",)


def quickly(action: Callable[[], object], room: int = 300 * MEGABYTES) -> SegportError:
    """The error that it ends in, within so much memory and two seconds of computing."""
    start = time.process_time()
    with limited(room), pytest.raises(SegportError) as caught:
        action()
    assert time.process_time() - start < 2
    return caught.value


# Weights and matrices


def test_a_pickle_that_calls_the_shell_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(pickle.dumps({"w": Evil(tmp_path / "harm")}, 2)))
    said = str(quickly(lambda: load_pretrained(path)))
    assert str(path) in said and "system, which no tensor needs; nothing of it was run" in said
    assert not (tmp_path / "harm").exists()


NESTED = b"\x80\x02)q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60))
"""A tuple of a tuple of a tuple ..., twice each: 2 ** 60 of them for whoever counts, hashes or prints it."""


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (b"}h\x3cNs.", "key or a name that is no text"),
        (b"}(h\x3cNu.", "key or a name that is no text"),
        (b"h\x3ch\x3c\x93.", "key or a name that is no text"),
        (b"h\x3c)R.", "calls what is no function"),
        (b"(h\x3ch\x3ch\x3ch\x3ch\x3ctQ.", "refers to storages in a way that is not known"),
        (b"u.", "a mark is missing"),
    ],
)
def test_what_would_take_for_ever_to_hash_or_print_is_not(tmp_path: Path, ends: bytes, why: str) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(NESTED + ends))
    assert why in quickly(lambda: load_pretrained(path)).message


def header(shape: str, kind: str = "<i8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (npy(np.array([{}, []], object)), "Object arrays cannot be loaded"),
        (header("(1, 2)"), "do not belong together"),
        (header("(1, 99999999, 99999999)"), "does not hold confusion matrices"),
        (header("(1, 1, 1)", "<f8"), "are not whole numbers"),
        (header("(1, 1, 1)", "<i8")[:-64] + b"\xff" * 8, "are not whole numbers"),
        (header("(" * 500), "does not hold confusion matrices"),
    ],
)
def test_matrices_that_are_none_are_refused(tmp_path: Path, counts: bytes, why: str) -> None:
    path = tmp_path / "test.npz"
    path.write_bytes(npz(counts))
    error = quickly(lambda: ResultFiles().load_confusions(path))
    assert why in error.message and str(path) in error.message


def test_matrices_are_not_unpacked_without_end(tmp_path: Path) -> None:
    path = tmp_path / "test.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("counts.npy", b"")
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 2**32 - 2)
    data = data.replace(b"counts", b"keys00")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("keys.npy", "counts.npy"):
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(b"")
    with zipfile.ZipFile(path, "a") as archive:
        for info in archive.infolist():
            info.file_size = 2**32
        archive.writestr("x", "")
    assert "unpacked, it is larger than" in quickly(lambda: ResultFiles().load_confusions(path)).message


# Settings and tables


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = " + "[" * 50_000, "maximum recursion depth|Invalid"),
        ("a" + ".a" * 50_000 + " = 1", "tables in tables without end"),
        ("[" + '"a" . ' * 50_000 + "b]", "tables in tables without end"),
        ("x = " + "9" * 5000, "4300 digits"),
        ("x = 1\nx = 2", "Cannot overwrite a value"),
        ('x = "\\ud800"', "not valid TOML"),
    ],
)
def test_settings_without_end_are_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    error = quickly(lambda: read_toml(path))
    assert any(reason in error.message for reason in why.split("|")) and str(path) in error.message


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, '{"a": 1'])
def test_json_without_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert str(path) in quickly(lambda: read_json(path)).message


READERS: dict[str, Callable[[Path], object]] = {
    "class_dict.csv": DatasetFolders(PictureCodec()).read_classes,
    "classes.txt": DatasetFolders(PictureCodec()).read_classes,
    "splits.csv": DatasetFolders(PictureCodec()).read_splits,
    "run.toml": read_toml,
    "metrics.csv": read_metrics,
    "a.json": read_json,
}
TEXTS = {
    "class_dict.csv": "name,r,g,b\nStraße,0,0,0\n",
    "classes.txt": "Straße\n",
    "splits.csv": "id,split\nStraße,train\n",
    "run.toml": 'x = "Straße"\n',
    "metrics.csv": "epoch,Straße\n1,2\n",
    "a.json": '{"x": "Straße"}',
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32-le"])
def test_text_in_another_encoding_is_refused_by_name(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(TEXTS[name].encode(encoding))
    error = quickly(lambda: READERS[name](path))
    assert f"{path} is not UTF-8 text" in error.message and "Save it as UTF-8" in error.fix


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(TEXTS[name], encoding="utf-8")
    plain = READERS[name](path)
    path.write_text(TEXTS[name], encoding="utf-8-sig")
    assert READERS[name](path) == plain


def prepared(folder: Path, **changed: bytes) -> Path:
    for name, content in PREPARED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(changed.get(Path(name).stem, content))
    return folder


@pytest.mark.parametrize(
    ("image", "mask", "why"),
    [
        ("../../secret.png", "masks/a.png", "../../secret.png leads out of the data set"),
        ("images/../../secret.png", "masks/a.png", "images/../../secret.png leads out"),
        ("images/a.png", "../masks/a.png", "../masks/a.png leads out"),
        ("images/a.png", "/etc/passwd", "/etc/passwd leads out"),
        ("images/" + "x" * 5000, "masks/a.png", "is missing"),
        ("images/a.png", "masks/*/../../../a.png", "leads out"),
    ],
)
def test_a_table_that_leads_out_of_its_data_set_is_refused(tmp_path: Path, image: str, mask: str, why: str) -> None:
    rows = PREPARED["metadata.csv"].decode().replace("images/a.png", image).replace("masks/a.png", mask)
    root = prepared(tmp_path / "data", metadata=rows.encode())
    (tmp_path / "secret.png").write_bytes(PREPARED["images/a.png"])
    error = quickly(lambda: open_dataset(root, PictureCodec()))
    assert why in error.problems[0]


def test_a_link_is_followed_but_to_a_picture_alone(tmp_path: Path) -> None:
    root = prepared(tmp_path / "data")
    (tmp_path / "secret").write_text("the key")
    (root / "images" / "a.png").unlink()
    (root / "images" / "a.png").symlink_to(tmp_path / "secret")
    error = quickly(lambda: open_dataset(root, PictureCodec()).split("train")[0])
    assert "is not an image" in error.message


def test_names_hold_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("road\n\x1b[2Jcar\n")
    error = quickly(lambda: DatasetFolders(PictureCodec()).read_classes(path))
    assert "the class name '\\x1b[2Jcar' holds control characters" in str(error)
    path.write_text("x" * 300)
    assert "longer than 200" in str(quickly(lambda: DatasetFolders(PictureCodec()).read_classes(path)))


def test_what_a_message_quotes_moves_no_cursor_and_has_an_end() -> None:
    error = InvalidSpecError("a\x1b[31mb\u202ec\0", problems=["x" * 5000, "\ud800"] + ["p"] * 500, fix="one\ntwo\t\x07")
    said = str(error)
    said.encode()
    assert said.startswith("a\\x1b[31mb\\u202ec\\x00\n") and said.endswith("one\ntwo\t\\x07")
    assert "x ... (5000 characters) ... x" in said and "\\ud800" in said and "... and 402 more" in said
    assert len(error.problems) == 502


# Masks and outlines


@pytest.mark.parametrize("overlap", list(Overlap))
def test_many_masks_on_one_image_are_held_one_at_a_time(overlap: Overlap) -> None:
    size = (1000, 1000)
    masks = (np.ones(size, np.uint8) for _ in range(120))
    with limited(100 * MEGABYTES):
        assert (to_labels(masks, [3] * 120, size, overlap) == 3).all()


@pytest.mark.parametrize(
    ("corners", "why"),
    [
        ([0, 0, 1e6, 1e6, -1e6, 1e6], "more than enough"),
        ([-500.0, 0, 500, 1] * 5000, "more than enough"),
        ([10**400, 0, 1, 1, 2, 2], "list of numbers"),
    ],
)
def test_an_outline_does_not_take_all_memory(corners: list[float], why: str) -> None:
    assert why in quickly(lambda: fill(corners, (64, 64))).message


@pytest.mark.parametrize(
    ("parse", "why"),
    [
        (lambda: decompress("o" * 1_000_000), "a number without end"),
        (lambda: from_counts([10**4299] * 11, (2, 2)), "The runs cover"),
        (lambda: from_kaggle(f"{2**63 - 1} {2**63 - 1}", (2, 2)), "does not describe a mask"),
        (lambda: from_kaggle("9" * 5000 + " 1", (2, 2)), "holds integers only"),
    ],
)
def test_run_lengths_without_end_are_refused(parse: Callable[[], object], why: str) -> None:
    assert why in quickly(parse).message


# Pictures


def png(width: int, height: int, *more: tuple[bytes, bytes], data: bytes = b"", kind: int = 2) -> bytes:
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        *more,
        (b"IDAT", data),
        (b"IEND", b""),
    ]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BOMB = zlib.compress(bytes(100 * MEGABYTES))
GOOD = zlib.compress(bytes(2 * (1 + 3 * 2)))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (png(100_000, 100_000, data=BOMB), "it claims 100000 x 100000 = 10000000000 pixels"),
        (png(2**31 - 1, 2**31 - 1), "pixels, more than the limit"),
        (png(0, 5), "not an image|broken"),
        (png(2, 2, data=GOOD[:-6]), "broken or cut short"),
        (png(2, 2, (b"tEXt", b"a" * 100), data=b"\0" * 9), "broken or cut short"),
        (png(2, 2, (b"zTXt", b"a\0\0" + BOMB), data=GOOD), "broken or cut short"),
        (b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0", "not an image|more than the limit"),
        (b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, *[0] * 6), "more than the limit"),
        (b"P6 99999999 99999999 255\n", "more than the limit"),
        (b"P6 " + b"9" * 5000, "broken|not an image"),
        (b"%PDF-1.4", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image of a known format"),
        (b"<svg onload='x'/>", "markup such as HTML or SVG"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_a_picture_that_is_none_or_a_bomb_is_refused(
    tmp_path: Path, decode: Callable[[Path], object], content: bytes, why: str
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    error = quickly(lambda: decode(path))
    assert str(path) in error.message and any(reason in error.message for reason in why.split("|")), error.message


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_no_damage_within_a_png_is_read_as_black(tmp_path: Path, decode: Callable[[Path], Any]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 7, 3), np.uint8)
    path = tmp_path / "x.png"
    Pillow.fromarray(pixels).save(path)
    whole, refused = path.read_bytes(), 0
    start = whole.index(b"IDAT") + 4
    for place in range(start, whole.index(b"IEND") - 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            np.testing.assert_array_equal(decode(path), pixels)  # a bit that pads, or says how it was compressed
        except DataError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_a_chunk_that_claims_gigabytes_is_refused(tmp_path: Path, decode: Callable[[Path], object]) -> None:
    path = tmp_path / "x.png"
    content = png(2, 2, data=GOOD + bytes(50))
    place = content.index(b"IDAT")
    path.write_bytes(content[: place - 4] + b"\xf0\0\0\0" + content[place:])
    assert str(path) in quickly(lambda: decode(path)).message


def test_of_an_animated_png_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(np.full((2, 3, 3), value, np.uint8)) for value in (9, 200, 30)]
    path = tmp_path / "x.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert decode_image(path).tolist() == [[[9, 9, 9]] * 3] * 2


def test_a_second_page_that_is_broken_leaves_the_first(tmp_path: Path) -> None:
    """Wherever its table is cut short: the first page is read, or the whole refused as a stack."""
    first, second = (Pillow.fromarray(np.full((4, 3, 3), value, np.uint8)) for value in (9, 200))
    path = tmp_path / "x.tif"
    first.save(path)
    alone = path.stat().st_size
    first.save(path, save_all=True, append_images=[second])
    whole = path.read_bytes()
    said = set()
    for length in range(alone, len(whole)):
        path.write_bytes(whole[:length])
        try:
            said.add(str(decode_image(path).ravel().tolist()))
        except DataError as error:
            said.add(error.message.partition(": ")[2])
    assert said == {str([9] * 36), "it holds several pages of one size, a stack or an animation."}


def test_a_number_that_no_checkpoint_has_is_no_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    for text, why in (
        ("epoch,x\nnan,1\n", "column epoch: expected a whole number, found 'nan'"),
        ("x\n1\n", "column epoch"),
        ("epoch,x\n1,=1+1\n", "expected numbers"),
        ("epoch\n" + "1" * 200_000 + "\n", "no table of text"),
    ):
        path.write_text(text)
        with pytest.raises(CheckpointError, match=why):
            read_metrics(path)


def test_an_embedded_picture_is_read_by_the_same_rules(tmp_path: Path) -> None:
    from segport.adapters.data.pictures import PictureWithin

    with pytest.raises(DataError, match=r"a\.json, imageData: it claims 100000 x 100000"):
        decode_image(PictureWithin("a.json, imageData", io.BytesIO(png(100_000, 100_000)).getvalue()))
