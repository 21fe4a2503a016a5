"""Every file of examples/: its settings are known, and the commands of its head run, on few small images."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image as Pillow
from safetensors.numpy import save_file

from segport.application.settings import ShowModelSettings, TrainSettings
from segport.bootstrap import Toolkit
from segport.cli.main import app
from segport.domain.architecture.classifier import Classifier
from segport.domain.architecture.encoders.mobilenet import MobileNetV2
from segport.domain.architecture.published import IMAGENET
from segport.domain.architecture.weights import initialise
from segport.domain.downloads.catalogue import PUBLIC_DATA

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
SHORTER = {"1000": "14", "100": "4", "256": "64", "30": "16", "50": "40", "examples/nuclei_split.csv": "0.5,0.25,0.25"}
"""Words of the commands, and what stands for them here."""
SHORT = ("--encoder", "mobilenet-v2", "--size", "64", "--batch", "2", "--epochs", "1", "--workers", "1", "--quiet")
"""An encoder with as many features as the ResNets, so decoders and weights of outputs stay as the file has them."""
FLAGS = {"train": SHORT, "evaluate": ("--panels", "1", "--no-calibration", "--quiet")}


def commands(example: Path) -> list[list[str]]:
    """Every command of the head, as words without ``segport``."""
    return [shlex.split(line) for line in re.findall(r"^#   segport (.+)$", example.read_text("utf-8"), re.M)]


COMMANDS = [(example.name, words) for example in EXAMPLES for words in commands(example)]


def settings(example: Path) -> TrainSettings:
    toolkit = Toolkit()
    values = {"data": "data", **toolkit.read_config(example, "train")}
    return toolkit.codec.from_values(TrainSettings, values, where=example.name)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_model_of_an_example_is_drawn_at_its_size_with_a_weight_for_each_output(example: Path) -> None:
    chosen, toolkit = settings(example), Toolkit()
    model = chosen.model or "classifier"
    size = chosen.size or (256, 256)
    report = toolkit.show_model(ShowModelSettings(model, encoder=chosen.encoder, input=(3, *size)))
    assert all(side % report.stride == 0 for side in size)
    assert chosen.output_weights is None or len(chosen.output_weights) == len(report.outputs)
    if chosen.encoder_weights == "imagenet":
        assert chosen.encoder is not None and chosen.encoder.name in IMAGENET


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_a_command_of_a_head_is_one_the_program_takes(name: str, words: list[str]) -> None:
    app().parse_args(words, exit_on_error=False, print_error=False)
    assert "--config" not in words or words[words.index("--config") + 1] == f"examples/{name}"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has the encoder of the short runs, as if it had been fetched."""
    weights = initialise(Classifier().graph(channels=3, outputs=1, encoder=MobileNetV2()), 99)
    cache = tmp_path_factory.mktemp("cache")
    path = cache / "weights" / IMAGENET["mobilenet-v2"].repository / "model.safetensors"
    path.parent.mkdir(parents=True)
    save_file({n.removeprefix("encoder."): w for n, w in weights.items() if n.startswith("encoder.")}, path)
    return cache


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_commands_of_a_head_run_one_after_the_other(cli, example: Path, published, tmp_path, monkeypatch) -> None:
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    monkeypatch.setenv("SEGPORT_CACHE", str(published))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    done = []
    for words in commands(example):
        if words[0] == "run-all":
            continue  # the next test
        if words[0] == "prepare" and not Path(words[1]).exists():
            MAKERS[example.stem](Path(words[1]), np.random.default_rng(5))
        if words[0] == "download" or (words[0] == "train" and "--run" not in words):
            continue  # needs a network, or a file from there
        said = cli(*(SHORTER.get(word, word) for word in words), *FLAGS.get(words[0], ("--quiet",)))
        assert said.code == 0, said.err
        done.append(words[0])
    assert list(dict.fromkeys(done))[-3:] == ["prepare", "train", "evaluate"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_for_the_commands_of_its_head(cli, example: Path) -> None:
    """The same commands with the same options; of training, which the head gives the file to, the command alone."""
    asked = cli("run-all", example, "--dry-run", "--json").object["commands"]
    made = [shlex.split(line)[1:] for line in asked]
    told = [words for words in commands(example) if words[0] != "run-all"]
    told = [words for words in told if words[0] != "train" or "--run" in words]
    shown = ("inspect", "predict")
    assert [options(words) for words in made if words[0] not in shown] == [options(words) for words in told]


def options(words: list[str]) -> tuple[str, set[tuple[str, str]]]:
    """The command, and its flags with their values, whatever folders it is for."""
    flags = [place for place, word in enumerate(words) if word.startswith("--")]
    return words[0], {(words[i], words[i + 1]) for i in flags} if words[0] != "train" else set()


@pytest.mark.parametrize("name", ["shapes", "ants_bees"])
def test_an_example_is_run_from_its_data_to_its_page(cli, name: str, published, tmp_path, monkeypatch) -> None:
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    monkeypatch.setenv("SEGPORT_CACHE", str(published))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    tables = shortened(tomllib.loads((ROOT / "examples" / f"{name}.toml").read_text("utf-8")))
    if "generate" not in tables:
        MAKERS[name](Path("source"), np.random.default_rng(5))
        tables["prepare"]["source"] = "source"
    Path("short.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    said = cli("run-all", "short.toml", "--out", "all", "--json")
    assert said.code == 0, said.err
    splits = tables["evaluate"]["splits"]
    assert all(0 <= said.object["steps"][f"evaluate {split}"]["scores"]["accuracy"] <= 1 for split in splits)
    page = Path("all/index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'(?:href|src)="([^#"][^":]*)"', page))
    assert {"data", "run", *(f"run/report-{split}.html" for split in splits)} <= links
    assert [link for link in links if not (tmp_path / "all" / link).exists()] == []


def shortened(tables: dict[str, Any]) -> dict[str, Any]:
    """The same on few small images, from a folder in place of a network."""
    tables.pop("download", None)
    for name in ("generate", "prepare"):
        tables[name] = {k: SHORTER.get(str(v), v) for k, v in tables[name].items()} if name in tables else {}
    quick = {"encoder": "mobilenet-v2", "size": 64, "batch": 2, "epochs": 1, "workers": 1}
    short = {name: table for name, table in tables.items() if table or name == "predict"}
    return short | {
        "train": tables["train"] | quick,
        "evaluate": tables["evaluate"] | {"panels": 1, "calibration": False},
    }


def camvid(root: Path, rng: np.random.Generator) -> None:
    """As SegNet has them: masks of class numbers beside each split."""
    for split in ("train", "val", "test"):
        for number in range(4):
            image(root / split / f"{number}.png", rng)
            save(root / f"{split}annot" / f"{number}.png", rng.integers(0, 12, (72, 80), np.uint8))
    for name, content in PUBLIC_DATA["camvid-segnet"].added.items():
        (root / name).write_text(content, encoding="utf-8")


def nuclei(root: Path, rng: np.random.Generator) -> None:
    """As the Data Science Bowl has them: a folder an image, a mask a nucleus."""
    for number in range(10):
        image(root / f"{number:03}" / "images" / f"{number:03}.png", rng)
        for nucleus in range(2):
            mask = np.zeros((72, 80), np.uint8)
            mask[10 + 30 * nucleus :, 5 + number :][:20, :20] = 255
            save(root / f"{number:03}" / "masks" / f"{nucleus}.png", mask)


def open_images(root: Path, rng: np.random.Generator) -> None:
    """Six images a split, with one mask each, of another size."""
    names = ("Cat", "Dog", "Car", "Bird", "Horse", "Tree")
    table = root / "annotations" / "class-descriptions-boxable.csv"
    table.parent.mkdir(parents=True)
    table.write_text("".join(f"/m/{name},{name}\n" for name in names), encoding="utf-8")
    for split in ("train", "validation", "test"):
        rows = ["MaskPath,ImageID,LabelName"]
        for name in names:
            image(root / "images" / split / f"{split}{name}.jpg", rng)
            save(root / "masks" / split / f"{split}{name}_0.png", np.eye(40, 40, dtype=np.uint8).repeat(2, 1) * 255)
            rows.append(f"{split}{name}_0.png,{split}{name},/m/{name}")
        path = table.parent / f"{split}-annotations-object-segmentation.csv"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def ants_bees(root: Path, rng: np.random.Generator) -> None:
    """Folders of images, one a class."""
    for split in ("train", "val"):
        for number in range(4):
            image(root / split / ("ants", "bees")[number % 2] / f"{number}.jpg", rng)


MAKERS: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "ants_bees": ants_bees,
    "nuclei": nuclei,
    "nuclei_unetplusplus": nuclei,
    "open_images": open_images,
    "unet_resnet50": camvid,
}


def image(path: Path, rng: np.random.Generator) -> None:
    save(path, rng.integers(0, 256, (72, 80, 3), np.uint8))


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)
