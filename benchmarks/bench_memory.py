"""Peak memory of commands on one large image and on many small ones, and of training, epoch by epoch.

    python benchmarks/bench_memory.py [large] [small] [training] [--side 8000] [--images 10000] [--epochs 20]

Every command is a process of its own, and the peak is what the system says of it: resident memory, the framework and
its libraries included. A large image is measured beside one of 2048x2048, which is cut into tiles too, so that the
difference is the image's. The small U-Net is made up, not trained: its weights do not matter here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

CASES = ("large", "small", "training")
LITTLE, FEW, PATTERN, TILE = 2048, 1000, 1024, 1024
SEGPORT = (sys.executable, "-c", "from segport.cli.main import main; raise SystemExit(main())")
COMMANDS = {
    "prepare": ["prepare"],
    "predict": ["predict", "--no-overlays"],
    "predict, overlays": ["predict"],
    "predict, probabilities": ["predict", "--no-overlays", "--probabilities"],
    "evaluate": ["evaluate"],
    "evaluate, on the device": ["evaluate", "--no-calibration"],
}
SMALL = ("prepare", "predict, overlays", "evaluate", "evaluate, on the device")
LARGE = tuple(name for name in COMMANDS if name != "evaluate, on the device")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=CASES, metavar="{large,small,training}", help="all by default")
    parser.add_argument("--side", type=int, default=8000, help="of the large image, in pixels")
    parser.add_argument("--images", type=int, default=10_000, help="small images, 96x96")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--backends", nargs="*", default=["torch", "tensorflow"])
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--fits", nargs="*", default=["native", "letterbox"])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, one line each")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        print(json.dumps(resident_by_epoch(Path(options.train), options.backends[0], options.epochs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for backend in options.backends:
            for case in options.cases:
                for line in globals()[case](Path(folder) / backend / case, backend, options):
                    print(json.dumps(line) if options.json else as_text(line), flush=True)


def as_text(line: dict) -> str:
    figures = {name: f"{value:,.1f}" for name, value in line.items() if isinstance(value, float)}
    return f"{line['what']:52}" + "  ".join(f"{name} {value}" for name, value in figures.items())


def large(folder: Path, backend: str, options: argparse.Namespace) -> Iterator[dict]:
    """Of each command: the peak for a large image, for a little one, and the bytes that a pixel more takes."""
    for fit in options.fits:
        for name in (name for name in options.commands if name in LARGE):
            if name == "prepare" and (fit, backend) != (options.fits[0], options.backends[0]):
                continue
            peaks = {
                side: peak_of(folder / f"{side}", COMMANDS[name], fit, backend, side) for side in (LITTLE, options.side)
            }
            more = options.side**2 - LITTLE**2
            yield {
                "what": f"{backend}, {fit}: {name}, {options.side}x{options.side}",
                "MiB": peaks[options.side],
                f"{LITTLE}x{LITTLE} MiB": peaks[LITTLE],
                "bytes/pixel": (peaks[options.side] - peaks[LITTLE]) * 2**20 / more,
            }


def peak_of(folder: Path, command: list[str], fit: str, backend: str, side: int) -> float:
    if not folder.exists():
        write_pair(folder / "raw", "image", side)
        write_splits(folder / "raw", ["image"])
    return peak(arguments(folder, command, fit, backend, [folder / "raw/images/image.png"]))


def small(folder: Path, backend: str, options: argparse.Namespace) -> Iterator[dict]:
    """Of each command: the peak for many small images, and for a tenth of them."""
    for count in (FEW, options.images):
        for number in range(count):
            write_pair(folder / f"{count}/raw", f"i{number:05d}", 96, number)
        write_splits(folder / f"{count}/raw", [f"i{number:05d}" for number in range(count)])
    for name in (name for name in options.commands if name in SMALL):
        few, many = (
            peak(arguments(folder / f"{count}", COMMANDS[name], "native", backend, [folder / f"{count}/raw/images"]))
            for count in (FEW, options.images)
        )
        yield {"what": f"{backend}: {name}, {options.images} images", "MiB": many, f"{FEW} images MiB": few}


def training(folder: Path, backend: str, options: argparse.Namespace) -> Iterator[dict]:
    """Resident memory after epochs."""
    for number in range(48):
        write_pair(folder / "raw", f"i{number:02d}", 96, number)
    segport("prepare", folder / "raw", folder / "prepared", "--split", "0.75,0.25,0", "--quiet")
    command = [sys.executable, __file__, "--train", str(folder), "--backends", backend, "--epochs", str(options.epochs)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    resident = json.loads(said.splitlines()[-1])
    third, last = float(resident[2]), float(resident[-1])
    yield {
        "what": f"{backend}: training, {options.epochs} epochs",
        "MiB": last,
        "epoch 3 MiB": third,
        "percent": 100 * (last / third - 1),
    }


def resident_by_epoch(folder: Path, backend: str, epochs: int) -> list[float]:
    from segport import Toolkit, TrainSettings
    from segport.domain.events import EpochDone

    resident = []

    def listen(event: object) -> None:
        if isinstance(event, EpochDone):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            resident.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    model = {"model": "unet:decoder_channels=[16,8]", "encoder": "plain:width=8,depth=3", "size": (64, 64), "batch": 4}
    settings = TrainSettings(folder / "prepared", run=folder / "run", epochs=epochs, backend=backend, **model)
    Toolkit().train(settings, listen=listen)
    return resident


def arguments(folder: Path, command: list[str], fit: str, backend: str, inputs: list[Path]) -> list[str]:
    """The command line for what lies in the folder; what it needs is made."""
    what, *flags = command
    prepared = folder / "prepared"
    prepare = ["prepare", folder / "raw", prepared, "--split", folder / "raw/splits.csv", "--reference", "--quiet"]
    if what == "prepare":
        return [str(word) for word in [*prepare[:2], folder / "again", *prepare[3:]]]
    model = checkpoint(folder / f"{fit}.safetensors", fit)
    out = [
        "--out",
        folder / f"{what}-{fit}-{len(flags)}",
        "--backend",
        backend,
        "--device",
        "cpu",
        "--precision",
        "fp32",
    ]
    if what == "predict":
        return [str(word) for word in ["predict", model, *inputs, *flags, *out, "--quiet"]]
    if not prepared.exists():
        segport(*prepare)
    return [str(word) for word in ["evaluate", model, "--data", prepared, *flags, *out, "--quiet"]]


def checkpoint(path: Path, fit: str) -> Path:
    from segport.adapters.storage.checkpoint import save_checkpoint
    from segport.domain.architecture.encoders.plain import Plain
    from segport.domain.architecture.unet import UNet
    from segport.domain.classes import ClassMap
    from segport.domain.ports.checkpoints import Checkpoint
    from segport.domain.resampling import Fit
    from segport.domain.samples import Task
    from segport.domain.spec import ModelSpec, Normalisation
    from segport.plugins.conformance.subject import lively

    classes = ClassMap.of(["background", "shape", "edge"])
    graph = UNet((8, 4)).graph(channels=3, outputs=len(classes), encoder=Plain(width=4, depth=3))
    spec = ModelSpec(
        graph, classes, Task.MULTICLASS, Normalisation((0.5,) * 3, (0.25,) * 3), Fit(fit), (512, 512), "unet", "plain"
    )
    save_checkpoint(path, Checkpoint(spec, lively(graph, 0)))
    return path


def write_pair(folder: Path, name: str, side: int, seed: int = 0) -> None:
    """An image of noise in squares, and a mask of three classes, the same pattern again and again."""
    rng = np.random.default_rng(seed)
    pattern = min(side, PATTERN)
    image = rng.integers(0, 256, (pattern // 16, pattern // 16, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    mask = rng.integers(0, 3, (pattern // 16, pattern // 16)).astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    times = -(-side // pattern)
    for kind, pixels in (("images", np.tile(image, (times, times, 1))), ("masks", np.tile(mask, (times, times)))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(pixels[:side, :side]).save(folder / kind / f"{name}.png", compress_level=1)
    (folder / "class_dict.csv").write_text(
        "name,r,g,b\nbackground,0,0,0\nshape,255,0,0\nedge,0,255,0\n", encoding="utf-8"
    )


def write_splits(folder: Path, test: list[str]) -> None:
    """All to be tested on; and two to train and validate on, without which there is no data set."""
    splits = {"first": "train", "second": "val", **dict.fromkeys(test, "test")}
    for seed, name in enumerate(("first", "second"), start=10**6):
        write_pair(folder, name, 96, seed)
    rows = "".join(f"{name},{split}\n" for name, split in splits.items())
    (folder / "splits.csv").write_text(f"id,split\n{rows}", encoding="utf-8")


def segport(*words: object) -> None:
    subprocess.run([*SEGPORT, *map(str, words)], check=True, env=environment(), stdout=subprocess.DEVNULL)


def peak(words: list[str]) -> float:
    """Peak resident memory of a command, in MiB."""
    process = subprocess.Popen([*SEGPORT, *words], env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"segport {' '.join(words)} ended with {process.returncode}")
    return usage.ru_maxrss / 1024


def environment() -> dict[str, str]:
    return {**os.environ, "SEGPORT_MAX_PIXELS": "1000000000"}


if __name__ == "__main__":
    main()
