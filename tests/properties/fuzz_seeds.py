"""Valid files of every kind that segport reads, and the containers that spoilt contents of them are put into."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import struct
import tarfile
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from segport.adapters.storage.checkpoint import save_checkpoint
from segport.adapters.storage.seal import BLANK
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.masks.runlength import compress
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.resampling import Fit
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.terms import Task


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (8, 6), largest: int = 255) -> bytes:
    pixels = np.random.default_rng(1).integers(0, largest + 1, (size[1], size[0], 3), np.uint8)
    image = Pillow.fromarray(pixels if largest == 255 else pixels[..., 0])
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, kind)
    return buffer.getvalue()


IMAGE = picture()

MASK = picture(mode="L", largest=1)

TABLE = b"name,r,g,b\nground,0,0,0\ncell,255,0,0\n"


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def table(rows: list[tuple[Any, ...]]) -> bytes:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue().encode()


INFO = b"""schema = 1
name = "cells"
task = "multiclass"
source = "/somewhere"
reader = "folders"
seed = 41
fingerprint = "abc"
warnings = []
[splits]
train = 1
[images]
channels = 3
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
height = [6, 6, 6]
width = [8, 8, 8]
[pixels]
ignored = 0
[pixels.classes]
ground = 20
cell = 28
[class_weights]
inverse = [1.0, 2.0]
"""

ROWS = b"""id,split,image,mask,height,width,group,image_sha256,mask_sha256
a,train,images/a.png,masks/a.png,6,8,,00,11
"""

PREPARED = {
    "dataset.toml": INFO,
    "class_dict.csv": TABLE,
    "metadata.csv": ROWS,
    "images/a.png": IMAGE,
    "masks/a.png": MASK,
}

TRAIN = b"""[train]
data = "data"
run = "run"
backend = "torch"
model = "unet:decoder_channels=[16,8]"
encoder = "plain:width=8,depth=3"
loss = {name = "focal", gamma = 2.0}
size = [64, 64]
epochs = 3
rate = 0.01
augment = "light"
optimizer = "adam"
schedule = "polynomial"
freeze_encoder = 0
monitor = "miou"
track = ["log"]
[dataset]
name = "cells"
fingerprint = "abc"
[compute]
device = "cpu"
[start]
fingerprint = "abc"
"""

RUN_ALL = b"""out = "everything"
[generate]
num_images = 4
[prepare]
split = "0.5,0.25,0.25"
reader = "folders"
[train]
epochs = 1
loss = "dice"
seeds = 2
[evaluate]
splits = ["val", "test"]
[predict]
tile = 128
inputs = ["a", "b"]
"""

STEPS = b"""format = 1
[steps.prepare.settings]
source = "raw"
[steps.prepare.exhibit]
values = {a = 1}
files = ["x/y.csv"]
[[steps.prepare.exhibit.tables]]
columns = ["a"]
rows = [["b"]]
caption = ""
[[steps.prepare.exhibit.pictures]]
path = "x.png"
caption = "x"
"""

METRICS = b"epoch,rate,train_loss,val_loss,val_miou\n1,0.01,0.5,0.6,0.2\n2,0.01,0.4,nan,0.3\n"

EVENTS = (
    b'{"event": "RunStarted", "epoch": 0}\n'
    b'{"event": "EpochDone", "epoch": 1, "rate": 0.01, "metrics": {"train_loss": 0.5, "val_loss": null}}\n'
    b'{"event": "RunFinished", "epochs": 1}\n'
)
SEEDS = b"format = 1\nseeds = [41, 42]\n" + TRAIN


def npz(counts: bytes, keys: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("counts.npy", counts)
        archive.writestr("keys.npy", npy(np.array(["a"])) if keys is None else keys)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz_header(header: bytes) -> bytes:
    """Confusion counts whose header says so, of the length it has."""
    return npz(b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + bytes(32))


CLASSES = ClassMap.of(["ground", "cell"])

GRAPH = UNet((4,)).graph(channels=3, outputs=2, encoder=Plain(width=2, depth=2))

SPEC = ModelSpec(
    GRAPH, CLASSES, Task.MULTICLASS, Normalisation((0.5,) * 3, (0.25,) * 3), Fit.NATIVE, (8, 8), "unet", "plain"
)

FLOATS = np.arange(24, dtype="<f4")


@cache
def checkpoint() -> tuple[bytes, bytes, bytes]:
    """A checkpoint: its header, our text in that header, and the tensors' bytes; the checksum is left blank."""
    import tempfile

    from segport.plugins.conformance.subject import lively

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.safetensors"
        progress = {
            "epoch": 1, "step": 0, "loss_sum": 0.5, "counts": [[1, 0], [0, 1]],
            "best": {"mode": "max"}, "stopping": {"mode": "max", "patience": 3}, "plateau": None,
        }  # fmt: skip
        save_checkpoint(path, Checkpoint(SPEC, lively(GRAPH, 0), None, progress))
        data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    described = json.loads(data[8 : 8 + length])["__metadata__"]["segport"]
    checksum = json.loads(described)["sha256"]
    header = data[8 : 8 + length].rstrip().replace(checksum.encode(), BLANK.encode())
    return header, described.replace(checksum, BLANK).encode(), data[8 + length :]


def with_length(header: bytes) -> bytes:
    """A checkpoint with this header, and the checksum of that."""
    data = struct.pack("<Q", len(header)) + header + checkpoint()[2]
    return data.replace(BLANK.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def with_floats(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + FLOATS.tobytes()


def with_text(described: bytes) -> bytes:
    """A checkpoint with this text as its description."""
    header = json.loads(checkpoint()[0])
    header["__metadata__"]["segport"] = described.decode("utf-8", "replace")
    return with_length(json.dumps(header).encode())


def pickled() -> bytes:
    """The pickle of {"w": a tensor of FLOATS}, as torch.save writes it."""
    reference = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x18tQ"
    shape, strides, hooks = "K\x04K\x06\x86", "K\x06K\x01\x86", "ccollections\nOrderedDict\n)R"
    rebuilt = f"ctorch._utils\n_rebuild_tensor_v2\n({reference}K\x00{shape}{strides}\x89{hooks}tR"
    return f"\x80\x02}}X\x01\x00\x00\x00w{rebuilt}s.".encode("latin-1")


def torch_zip(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/data/0", FLOATS.tobytes())
    return buffer.getvalue()


def torch_older() -> bytes:
    import pickle

    from segport.adapters.storage.torch_file import OLDER

    parts = [pickle.dumps(value, 2) for value in (1001, {"little_endian": True})]
    return b"".join(
        (OLDER, *parts, pickled(), pickle.dumps(["0"], 2), struct.pack("<q", FLOATS.size), FLOATS.tobytes())
    )


def png(chunks: bytes) -> bytes:
    """A PNG of spoilt chunks, "kind data" each after a mark, with right lengths and checksums."""
    parts = [chunk for chunk in chunks.split(b"\xfe\xfd\xfc") if len(chunk) >= 4]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in parts
    )


def chunks(data: bytes) -> bytes:
    found, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found.append(data[at + 4 : at + 8 + length])
        at += 12 + length
    return b"\xfe\xfd\xfc".join(found)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/a.txt", b"a" * 300)
        archive.writestr("top/b/c.txt", b"c")
    return buffer.getvalue()


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name in ("top/a.txt", "top/b/c.txt"):
            info = tarfile.TarInfo(name)
            info.size = 5
            archive.addfile(info, io.BytesIO(b"aaaaa"))
    return buffer.getvalue()


COCO: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "a.png", "height": 6, "width": 8}],
    "categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "iscrowd": 0, "segmentation": [[1, 1, 5, 1, 5, 5]]},
        {"id": 2, "image_id": 7, "category_id": 9, "segmentation": {"counts": [10, 5, 33], "size": [6, 8]}},
        {"id": 3, "image_id": 7, "category_id": 9, "segmentation": {"counts": compress([10, 5, 33]), "size": [6, 8]}},
    ],
}

LABELME: dict[str, Any] = {
    "imagePath": "a.png",
    "imageData": None,
    "imageHeight": 6,
    "imageWidth": 8,
    "shapes": [
        {"label": "x", "shape_type": "polygon", "points": [[1, 1], [3, 1], [3, 3]]},
        {"label": "y", "shape_type": "circle", "points": [[1, 1], [3, 1]]},
        {"label": "y", "shape_type": "rectangle", "points": [[1, 1], [3, 1]]},
        {"label": "y", "shape_type": "linestrip", "points": [[1, 1], [3, 1]]},
        {"label": "y", "shape_type": "point", "points": [[1, 1]]},
        {"label": "x", "shape_type": "mask", "points": [[0, 0], [7, 5]], "mask": base64.b64encode(MASK).decode()},
    ],
}

OPEN_IMAGES = table(
    [
        ("MaskPath", "ImageID", "LabelName", "BoxID", "BoxXMin", "Clicks"),
        ("m.png", "0a1b", "/m/01", "b", "0.1", ""),
        ("m2.png", "0a1b", "/m/02", "b", "0.1", ""),
    ]
)

NAMES = table([("/m/01", "Cat"), ("/m/02", "Dog")])

TREE = text({"LabelName": "/m/0", "Subcategory": [{"LabelName": "/m/01"}, {"LabelName": "/m/02"}]})

FOREGROUND = picture(mode="L", largest=0)

OPEN = {
    "annotations/train-annotations-object-segmentation.csv": OPEN_IMAGES,
    "annotations/class-descriptions.csv": NAMES,
    "annotations/hierarchy.json": TREE,
    "images/train/0a1b.png": IMAGE,
    "masks/train/m.png": FOREGROUND,
    "masks/train/m2.png": FOREGROUND,
}

VOC = {
    "JPEGImages/a.png": IMAGE,
    "SegmentationClass/a.png": MASK,
    "ImageSets/Segmentation/train.txt": b"a\n",
    "labelmap.txt": b"# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:64,0,0::\n",
    "classes.txt": b"background\ncat\n",
}

CITYSCAPES = {
    "leftImg8bit/train/ulm/ulm_1_1_leftImg8bit.png": IMAGE,
    "gtFine/train/ulm/ulm_1_1_gtFine_labelIds.png": MASK,
}

CAMVID = {"images/a.png": IMAGE, "masks/a_L.png": picture(largest=1), "label_colors.txt": b"0 0 0 Void\n1 1 1 Road\n"}
