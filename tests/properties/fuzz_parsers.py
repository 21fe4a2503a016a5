"""Everything in segport that reads what strangers wrote, with valid files to spoil: for quick and for long runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from attrs import field, frozen
from safetensors.numpy import save

from segport.adapters.data.codec import PictureCodec
from segport.adapters.data.decode import conversion_reason, decode_image, decode_mask, image_size
from segport.adapters.data.readers.classmaps import implied_classes
from segport.adapters.network.unpacker import ArchiveUnpacker
from segport.adapters.storage.checkpoint import load_checkpoint
from segport.adapters.storage.dataset import open_dataset
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.adapters.storage.pretrained import load_pretrained
from segport.adapters.storage.records import read_told, told_finished
from segport.adapters.storage.results import ResultFiles
from segport.adapters.storage.runs import RunFolders
from segport.adapters.storage.toml import TomlDocuments
from segport.application.run_all.ledger import Ledger
from segport.application.settings import CompareSettings, SeedsSettings
from segport.application.training.parts import check_names
from segport.application.training.progress import Progress
from segport.application.training.recorded import recorded, with_compute
from segport.bootstrap import Toolkit
from segport.domain.architecture.graph import Graph
from segport.domain.choices import Choice
from segport.domain.classes import ClassMap
from segport.domain.downloads.selection import choose_images, labels_of, mask_rows
from segport.domain.errors import SegportError
from segport.domain.masks.runlength import compress, decompress, from_counts, from_kaggle
from segport.domain.ports.backend import Capability
from segport.domain.ports.dataset import IncompleteSourceError
from segport.plugins.entries import Kind
from segport.plugins.registry import Registry
from segport.tests.properties.fuzz_seeds import (
    CAMVID,
    CITYSCAPES,
    COCO,
    EVENTS,
    FLOATS,
    GRAPH,
    IMAGE,
    LABELME,
    MASK,
    METRICS,
    NAMES,
    OPEN,
    OPEN_IMAGES,
    PREPARED,
    RUN_ALL,
    SEEDS,
    STEPS,
    TABLE,
    TRAIN,
    VOC,
    checkpoint,
    chunks,
    npy,
    npz,
    npz_header,
    pickled,
    picture,
    png,
    tarred,
    text,
    torch_older,
    torch_zip,
    with_floats,
    with_length,
    with_text,
    zipped,
)

MAX_PIXELS = 1_000_000


@frozen
class Parser:
    """One reader of files.

    Attributes:
        name: for people.
        file: where the spoilt file stands in a folder.
        seeds: valid contents.
        parse: called with the spoilt file's path.
        wrap: what becomes of a spoilt content before it is written: a container with right lengths and checksums, so
            that damage within is not just a bad checksum.
        around: the other files of the folder.
    """

    name: str
    file: str
    seeds: tuple[bytes, ...]
    parse: Callable[[Path], object]
    wrap: Callable[[bytes], bytes] = bytes
    around: Mapping[str, bytes] = field(factory=dict)


def read_all(reader: str, **options: Any) -> Callable[[Path], object]:
    """Everything that ``prepare`` asks of a reader, for the folder that the file stands in."""

    def parse(path: Path) -> object:
        made = _toolkit().registry.reader(reader, {"max_pixels": MAX_PIXELS, **options})
        source = next(folder for folder in path.parents if (folder / ".here").exists())
        made.recognises(source)
        try:
            items = made.items(source)
        except IncompleteSourceError as error:
            items = error.items
        classes = made.classes(source) or ClassMap.binary()
        for item in items[:3]:
            made.read_image(item)
            made.read_labels(item, classes)
            if hasattr(made, "read_planes"):
                made.read_planes(item, classes)
        return items

    return parse


def open_prepared(path: Path) -> object:
    root = path.parent if (path.parent / "dataset.toml").exists() else path.parent.parent
    dataset = open_dataset(root, PictureCodec())
    return [dataset.split(name)[0] for name in dataset.splits]


def prepared(name: str, *more: bytes) -> Parser:
    around = {other: content for other, content in PREPARED.items() if other != name}
    return Parser(f"prepared data: {name}", name, (PREPARED[name], *more), open_prepared, around=around)


def class_table(path: Path) -> object:
    return DatasetFolders(PictureCodec()).read_classes(path)


def implied(path: Path) -> object:
    return implied_classes([path.parent], [], MAX_PIXELS)


class _Nothing:
    """Draws nothing."""

    def run_curves(self, *args: object, **named: object) -> None:
        """As the reporter's."""


class _Catalogue(Registry):
    """Knows the names of backends, and imports none."""

    def backend(self, name: str, options: Any = None) -> Any:
        """What has the name, and can train."""
        return SimpleNamespace(name=self.entry(Kind.BACKEND, name).name, capabilities={Capability.TRAINING})


@cache
def _toolkit() -> Toolkit:
    return Toolkit(catalogue=_Catalogue(), reporter=_Nothing())


def settings(path: Path) -> object:
    toolkit = _toolkit()
    found = toolkit.codec.from_values(SeedsSettings, toolkit.read_config(path, "train"), where=str(path))
    return check_names(toolkit.registry, found)


def run_all(path: Path) -> object:
    toolkit = _toolkit()
    return [step.typed for step in toolkit.run_all.plan(toolkit.read_config(path), out=None, where=str(path)).steps]


def ledger(path: Path) -> object:
    read = Ledger.read(path.parent, _toolkit().codec, TomlDocuments())
    return [entry.exhibit.whole for entry in read.entries.values() if entry.exhibit]


def run(path: Path) -> object:
    folder = path.parent.parent if path.parent.name == "confusion" else path.parent
    opened = RunFolders().open(folder)
    with_compute(_toolkit().codec, recorded(opened.configuration(), str(path))[0], {}, where=str(path))
    return _toolkit().compare(CompareSettings(runs=(folder, folder.parent / "other"), split="test"))


def seeds(path: Path) -> object:
    group = RunFolders().seeds(path.parent)
    assert group is not None
    with_compute(_toolkit().codec, recorded(group.configuration, str(path))[0], {}, where=str(path))
    return group.runs


def choice(path: Path) -> object:
    value = Choice.of(path.read_bytes().decode("utf-8", "surrogateescape"))
    registry = _toolkit().registry
    for make in (registry.loss, registry.encoder, registry.architecture, registry.augmentation, registry.reader):
        with suppress(SegportError):
            make(value.name, value.options)
    return str(value)


def load(path: Path) -> object:
    loaded = load_checkpoint(path)
    return Progress.from_data(loaded.progress) if loaded.progress is not None else None


def graph(path: Path) -> object:
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return Graph.from_data(data)


def decode(path: Path) -> object:
    """By every door, whatever the one before said."""
    with suppress(SegportError):
        conversion_reason(path, max_pixels=MAX_PIXELS)
    with suppress(SegportError):
        image_size(path, max_pixels=MAX_PIXELS)
    with suppress(SegportError):
        decode_mask(path, max_pixels=MAX_PIXELS)
    return decode_image(path, max_pixels=MAX_PIXELS)


def unpack(path: Path) -> object:
    out = path.parent / "out" / hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        return ArchiveUnpacker(free_bytes=1 << 20).unpack(path, out, lambda name: name, lambda *_: None, lambda: False)
    finally:
        inside = {p.name for p in path.parent.iterdir()}
        assert inside <= {path.name, "out", ".here"}, inside


def inside(whole: Mapping[str, bytes], name: str, *leave: str) -> dict[str, Any]:
    """One file of a layout to be spoilt among the others."""
    others = {other: content for other, content in whole.items() if other not in (name, *leave)}
    return {"file": name, "seeds": (whole[name],), "around": others}


def rle_string(path: Path) -> object:
    return from_counts(decompress(path.read_bytes().decode("utf-8", "surrogateescape")), (6, 8))


def kaggle(path: Path) -> object:
    return from_kaggle(path.read_bytes().decode("utf-8", "surrogateescape"), (6, 8))


def downloads(path: Path) -> object:
    """The indexes of Open Images, as ``download`` reads them."""
    from segport.adapters.network.growing import PartialFolder

    folder = PartialFolder(path.parents[2] / "x")
    labels = labels_of(["Cat", "/m/02"], folder.rows("names.csv"))
    return choose_images(mask_rows(folder.rows("index.csv"), "the index"), labels, 2)


PARSERS: tuple[Parser, ...] = (
    Parser(
        "class_dict.csv",
        "class_dict.csv",
        (TABLE, b"index;name;r;g;b;ignore\n3;road;1;2;3;0\n9;x;1;2;4;1\n"),
        class_table,
    ),
    Parser("classes.txt", "classes.txt", (b"road\ncar\n", b"3 road\n4: car\n"), class_table),
    Parser("label_colors.txt", "label_colors.txt", (b"0 0 0 Void\n1 1 1 Road\n",), implied),
    prepared("metadata.csv"),
    prepared("dataset.toml"),
    prepared("class_dict.csv"),
    prepared("masks/a.png"),
    Parser(
        "splits.csv",
        "splits.csv",
        (b"id,split\na,train\nb,val\n",),
        lambda p: DatasetFolders(PictureCodec()).read_splits(p),
    ),
    Parser("settings of train (TOML)", "train.toml", (TRAIN,), settings),
    Parser("run-all (TOML)", "all.toml", (RUN_ALL,), run_all),
    Parser("steps.toml", "steps.toml", (STEPS,), ledger),
    Parser("run.toml", "run/run.toml", (TRAIN,), run, around={"other/run.toml": TRAIN, "other/metrics.csv": METRICS}),
    Parser("seeds.toml", "seeds.toml", (SEEDS,), seeds),
    Parser("metrics.csv", "run/metrics.csv", (METRICS,), run, around={"run/run.toml": TRAIN, "other/run.toml": TRAIN}),
    Parser("events.jsonl", "events.jsonl", (EVENTS,), lambda path: (read_told(path), told_finished(path))),
    Parser(
        "name:option=value",
        "choice",
        (b"focal:gamma=2,alpha=[1,2]", b"unet:decoder_channels=[16,8]", b'coco:only=["a","b"]'),
        choice,
    ),
    Parser("npz", "c.npz", (npz(npy(np.eye(2, dtype=np.int64)[None])),), lambda p: ResultFiles().load_confusions(p)),
    Parser(
        "npz, header within",
        "run/confusion/test.npz",
        (npy(np.eye(2, dtype=np.int64)[None])[10:].split(b"\n")[0] + b"\n",),
        run,
        npz_header,
        {"run/run.toml": TRAIN, "other/run.toml": TRAIN},
    ),
    Parser("checkpoint", "c.safetensors", (with_length(checkpoint()[0]),), load),
    Parser("checkpoint, header within", "c.safetensors", (checkpoint()[0],), load, with_length),
    Parser("checkpoint, description within", "c.safetensors", (checkpoint()[1],), load, with_text),
    Parser("safetensors", "w.safetensors", (save({"w": FLOATS, "h": FLOATS.astype(np.float16)}),), load_pretrained),
    Parser(
        "safetensors, header within",
        "w.safetensors",
        (b'{"w":{"dtype":"F32","shape":[4,6],"data_offsets":[0,96]}}',),
        load_pretrained,
        with_floats,
    ),
    Parser("graph (JSON)", "graph.json", (text(GRAPH.to_data()),), graph),
    Parser(".pth, zip", "w.pth", (torch_zip(pickled()),), load_pretrained),
    Parser(".pth, pickle within", "w.pth", (pickled(),), load_pretrained, torch_zip),
    Parser(".pth, older format", "w.pth", (torch_older(),), load_pretrained),
    Parser("COCO (JSON)", "instances_x.json", (text(COCO),), read_all("coco"), around={"a.png": IMAGE}),
    Parser("LabelMe (JSON)", "a.json", (text(LABELME),), read_all("labelme"), around={"a.png": IMAGE}),
    Parser("COCO run lengths", "rle", (compress([10, 5, 33]).encode(), compress([0, 20, 28]).encode()), rle_string),
    Parser("Kaggle run lengths", "rle", (b"1 3 10 5", b"48 1"), kaggle),
    Parser(
        "Open Images: table",
        parse=read_all("open-images"),
        **inside(OPEN, "annotations/train-annotations-object-segmentation.csv"),
    ),
    Parser(
        "Open Images: names",
        parse=read_all("open-images", only=["Cat"]),
        **inside(OPEN, "annotations/class-descriptions.csv"),
    ),
    Parser(
        "Open Images: hierarchy",
        parse=read_all("open-images", only=["Cat"]),
        **inside(OPEN, "annotations/hierarchy.json"),
    ),
    Parser(
        "Open Images: index to download",
        "x.partial/fetched/index.csv",
        (OPEN_IMAGES,),
        downloads,
        around={"x.partial/fetched/names.csv": NAMES},
    ),
    Parser(
        "Open Images: names to download",
        "x.partial/fetched/names.csv",
        (NAMES,),
        downloads,
        around={"x.partial/fetched/index.csv": OPEN_IMAGES},
    ),
    Parser("VOC: list", parse=read_all("voc"), **inside(VOC, "ImageSets/Segmentation/train.txt")),
    Parser("VOC: labelmap.txt", parse=read_all("voc"), **inside(VOC, "labelmap.txt")),
    Parser("VOC: classes.txt", parse=read_all("voc"), **inside(VOC, "classes.txt", "labelmap.txt")),
    Parser("VOC: mask", parse=read_all("voc"), **inside(VOC, "SegmentationClass/a.png")),
    Parser(
        "Cityscapes: mask",
        parse=read_all("cityscapes"),
        **inside(CITYSCAPES, "gtFine/train/ulm/ulm_1_1_gtFine_labelIds.png"),
    ),
    Parser("CamVid: label_colors.txt", parse=read_all("folders"), **inside(CAMVID, "label_colors.txt")),
    Parser("CamVid: mask", parse=read_all("folders"), **inside(CAMVID, "masks/a_L.png")),
    Parser(
        "lists of files",
        "train.txt",
        (b"a.png m.png\n", b"image,mask,split,group\na.png,m.png,val,g\n"),
        read_all("file-list"),
        around={"a.png": IMAGE, "m.png": MASK},
    ),
    Parser("PNG", "x.png", tuple(picture(mode=m) for m in ("RGB", "P", "LA", "I;16")[:3]), decode),
    Parser("PNG, chunks within", "x.png", (chunks(picture()), chunks(picture(mode="P"))), decode, png),
    Parser("JPEG", "x.jpg", (picture("JPEG"), picture("JPEG", "L"), picture("JPEG", "CMYK")), decode),
    Parser("TIFF", "x.tif", (picture("TIFF"), picture("TIFF", "L")), decode),
    Parser(
        "GIF, BMP, WebP, PPM, JPEG 2000",
        "x.img",
        tuple(map(picture, ("GIF", "BMP", "WEBP", "PPM", "JPEG2000"))),
        decode,
    ),
    Parser("zip", "data.zip", (zipped(),), unpack),
    Parser("tar", "data.tar", (tarred("w"),), unpack),
    Parser("tar.gz", "data.tgz", (tarred("w:gz"),), unpack),
)
