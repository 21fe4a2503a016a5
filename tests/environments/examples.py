"""The example packages, each installed beside segport in an environment of its own: its tests, and a training run.

`make examples` runs this file with a plain Python, as `make frameworks` does its own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from environment import ROOT, Environment, every_step, expect, run, step

SMALL = ("--model", "unet:decoder_channels=[32,16,8]", "--encoder", "plain:width=8,depth=4")


@dataclass(frozen=True)
class Use:
    """How a package is tried: the framework it needs beside it, and itself as flags of `segport train`."""

    flags: tuple[str, ...]
    extra: str = ""
    model: tuple[str, ...] = SMALL


USES = {
    "segport-jax": Use(("--backend", "jax")),
    "segport-smp": Use(("--backend", "torch"), extra="torch", model=("--model", "smp-unet:encoder_name=resnet18")),
    "segport-tversky-focal": Use(("--loss", "tversky-focal"), extra="torch"),
}
SHAPES = ["--num-images", "60", "--height", "64", "--width", "64", "--min-shape-px", "16", "--max-shape-px", "32"]
TRAIN = ["--size", "64", "--batch", "4", "--epochs", "6", "--rate", "0.01", "--precision", "fp32"]
LEARNT = 0.6
"""The mIoU that a run of these few steps reaches with ease; a model that learns nothing has about 0.2."""


def packages() -> list[Path]:
    found = sorted(file.parent for file in ROOT.glob("examples/*/pyproject.toml"))
    unknown = {folder.name for folder in found} ^ set(USES)
    expect(not unknown, f"no such package, or none in this file: {', '.join(unknown)}")
    return found


def prove(package: Path, wheel: Path) -> None:
    use = USES[package.name]
    here = Environment(package.name, use.extra)
    with step(here.name, "install"):
        here.make(wheel)
        source = shutil.copytree(package, here.work / "source")  # which setuptools leaves its metadata in
        run([here.program("python"), "-m", "pip", "install", "--quiet", f"{source}[test]"])
    with step(here.name, "its tests"):
        run([here.program("python"), "-m", "pytest", "-q", "--import-mode=importlib", package / "tests"], cwd=here.work)
    with step(here.name, "trains shapes and evaluates"):
        here.segport("generate", "shapes", "raw", *SHAPES)
        here.segport("prepare", "raw", "data", "--split", "0.8,0.1,0.1")
        here.segport("train", "data", "--run", "run", *use.flags, *use.model, *TRAIN)
        score = here.object("evaluate", "run")["scores"]["miou"]
        expect(score > LEARNT, f"an mIoU of {score:.3f} after training, expected above {LEARNT}")


def main(wheel: Path) -> None:
    for package in packages():
        prove(package, wheel)


if __name__ == "__main__":
    every_step(main)
