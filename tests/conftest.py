"""What several kinds of tests share: real data where it is, the command line in this process, a tiny trained model."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

# Before torch is imported anywhere: on a busy machine barriers between threads cost far more than tiny models do.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from attrs import frozen
from hypothesis import HealthCheck, settings
from PIL import Image as Pillow

from segport.adapters.storage.checkpoint import save_checkpoint
from segport.cli.main import main
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.ports.checkpoints import Checkpoint
from segport.domain.resampling import Fit
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.terms import Task
from segport.plugins.conformance.subject import lively

# How long an example takes says nothing on a shared machine. In CI the same examples are tried every time.
settings.register_profile(
    "segport", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("segport")

TINY = ("--model", "unet:decoder_channels=[16,8]", "--encoder", "plain:width=8,depth=3", "--size", "64", "--batch", "4")
"""The smallest model that is still a U-Net: an epoch of eight images takes a tenth of a second."""


@frozen
class Said:
    """How a command ended, and what it printed where."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """What ``--json`` printed. Fails when stdout holds anything but one JSON object on one line."""
        assert self.out.count("\n") == 1, self.out
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    def failed(self, code: int, *words: str) -> None:
        """Fails unless the command did, with this exit code and a message on stderr that has all the words."""
        assert self.code == code, f"exit code {self.code}: {self.err}"
        missing = [word for word in words if word not in self.err]
        assert not missing, f"{missing} not in: {self.err}"
        assert "error: " in self.err
        assert "Traceback" not in self.err
        assert self.out.count("error") == 0


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command line in this process: ``cli("prepare", source, out)``."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets."""
    folder = os.environ.get("SEGPORT_TEST_DATA")
    if not folder:
        pytest.skip("SEGPORT_TEST_DATA is not set: it names the folder with the real data sets")
    assert Path(folder).is_dir(), f"SEGPORT_TEST_DATA names {folder}, which is no folder"
    return Path(folder)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pairs of the shapes data set, unprepared; every other one is cut to an odd size."""
    folder = tmp_path_factory.mktemp("shapes") / "raw"
    size = ("--height", "80", "--width", "72", "--min-shape-px", "16", "--max-shape-px", "40")
    assert main(["generate", "shapes", str(folder), "--num-images", "16", *size]) == 0
    for number, image in enumerate(sorted((folder / "images").iterdir())):
        if number % 2:
            for path in (image, folder / "masks" / image.name):
                with Pillow.open(path) as picture:
                    cut = picture.crop((0, 0, 71 - 2 * (number % 3), 67))
                cut.save(path)
    return folder


@pytest.fixture(scope="session")
def prepared(shapes: Path) -> Path:
    """The shapes as a prepared data set: 8 images to train on, 4 to validate, 4 to test."""
    folder = shapes.parent / "prepared"
    assert main(["prepare", str(shapes), str(folder), "--split", "0.5,0.25,0.25", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Flags of the smallest model."""
    return TINY


@pytest.fixture(scope="session")
def trained(prepared: Path) -> Path:
    """A run of the smallest model, three epochs long. Tests must not change it."""
    run = prepared.parent / "trained"
    flags = ("--epochs", "3", "--rate", "0.01", "--workers", "1", "--quiet")
    assert main(["train", str(prepared), "--run", str(run), *TINY, *flags]) == 0
    return run


@pytest.fixture(scope="session")
def race() -> Iterator[Callable[..., list[tuple[int, str]]]]:
    """Runs command lines in processes that begin together: exit code and words of each, in order."""
    racers = [sys.executable, str(Path(__file__).with_name("racers.py")), "torch"]
    with subprocess.Popen(racers, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        ask, answer = process.stdin, process.stdout

        def run(folder: Path, *commands: Sequence[object]) -> list[tuple[int, str]]:
            print(
                json.dumps([str(folder), [[str(word) for word in words] for words in commands]]), file=ask, flush=True
            )
            return [(code, said) for code, said in json.loads(answer.readline())]

        yield run
        ask.close()


@pytest.fixture(scope="module")
def alone(
    request: pytest.FixtureRequest,
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    race: Callable[..., list[tuple[int, str]]],
) -> Path:
    """A run of the smallest model that had the machine for itself, with the flags that its module calls FLAGS."""
    run = tmp_path_factory.mktemp("alone") / "run"
    ((code, said),) = race(run.parent, ["train", prepared, "--run", run, *TINY, *request.module.FLAGS])
    assert code == 0, said
    return run


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint file of a small model for the shapes, made without any framework: lively weights, never trained."""
    classes = ClassMap.of(["background", "rectangle", "ellipse", "triangle"])
    graph = UNet((8, 4)).graph(channels=3, outputs=len(classes), encoder=Plain(width=4, depth=3))
    normalisation = Normalisation((0.5,) * 3, (0.25,) * 3)
    spec = ModelSpec(graph, classes, Task.MULTICLASS, normalisation, Fit.NATIVE, (64, 64), "unet", "plain")
    path = tmp_path_factory.mktemp("untrained") / "model.safetensors"
    save_checkpoint(path, Checkpoint(spec, lively(graph, 0)))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of five good pairs of two classes, a.png to e.png, for tests to spoil: masks hold the values 0 and 1."""
    rng = np.random.default_rng(7)
    folder = tmp_path / "source"
    for name in "abcde":
        save(folder / "images" / f"{name}.png", rng.integers(0, 256, (24, 32, 3), np.uint8))
        save(folder / "masks" / f"{name}.png", rng.integers(0, 2, (24, 32)).astype(np.uint8))
    (folder / "class_dict.csv").write_text("name,r,g,b\nground,0,0,0\ncell,255,0,0\n", encoding="utf-8")
    return folder


def save(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)


@pytest.fixture
def picture() -> Callable[[Path, np.ndarray[Any, Any]], None]:
    """Writes an array as an image file, folders included."""
    return save


@pytest.fixture
def file_limit() -> Callable[[int], AbstractContextManager[None]]:
    """Inside its block this process can write no file longer than so many bytes, pytest's own output included."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited
