"""Torch alone, TensorFlow alone, and no framework: does everything work in each, and do runs travel between them?

`make frameworks` runs this file with a plain Python: it needs nothing but the standard library, git, and an index for
pip. One line a step with its seconds; the first step that fails ends it with what the command printed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from environment import Environment, every_step, expect, run, step

IMAGES = 40
INTERRUPT = Path(__file__).with_name("interrupt.py")
SHAPES = [
    "--num-images",
    str(IMAGES),
    "--height",
    "64",
    "--width",
    "64",
    "--min-shape-px",
    "16",
    "--max-shape-px",
    "32",
]
TINY = ["--model", "unet:decoder_channels=[16,8]", "--encoder", "plain:width=8,depth=3", "--size", "64", "--batch", "2"]
TRAIN = [*TINY, "--epochs", "2", "--rate", "0.01", "--precision", "fp32"]
SAME_SCORE = 0.002
"""Frameworks round differently, so pixels between two classes may fall either way."""
SAME_LOSS = 1e-4
"""Relative, one epoch after the change of framework: rounding, grown a little."""

TORCH = Environment("torch", "torch", "torch")
TF = Environment("tf", "tf-cpu", "tensorflow")
CORE = Environment("core")
EVERY = (CORE, TORCH, TF)
PAIR = ((TORCH, TF), (TF, TORCH))


def files(folder: Path, *names: str) -> None:
    for name in names:
        expect(any(folder.glob(name)), f"{folder} holds no {name}")


def only_its_framework(here: Environment) -> None:
    code = "import importlib.util as u, sys; print([m for m in sys.argv[1:] if u.find_spec(m)])"
    found = run([here.program("python"), "-c", code, "torch", "tensorflow", "keras"], cwd=here.work).stdout.strip()
    wanted = {"torch": ["torch"], "tensorflow": ["tensorflow", "keras"], "": []}[here.module]
    expect(found == str(wanted), f"importable: {found}, expected {wanted}")


def the_doctor_agrees(here: Environment) -> None:
    if not here.module:
        install = ("No backend can train", "pip install 'segport[torch]'", "pip install 'segport[tf")
        found = json.loads(here.segport("doctor", "--json", code=4, says=install).stdout)
    else:
        found = here.object("doctor")
    states = {backend["name"]: backend["state"] for backend in found["backends"]}
    for module in ("torch", "tensorflow"):
        expect(states[module] == ("usable" if module == here.module else "not installed"), f"the doctor says {states}")


def generate_and_prepare(here: Environment) -> None:
    here.segport("generate", "shapes", "raw", *SHAPES)
    here.segport("prepare", "raw", "data", "--split", "0.8,0.1,0.1")
    files(here.work / "data", "dataset.toml", "masks/*.png")


def train(here: Environment) -> None:
    report = here.object("train", "data", "--run", "run", "--backend", here.name, *TRAIN)
    expect(report["epochs"] == 2, f"trained for {report['epochs']} epochs")
    files(here.work / "run", "run.toml", "checkpoints/best.safetensors", "plots/training.png")


def evaluate(here: Environment) -> None:
    written = here.object("evaluate", "run", "--precision", "fp32")["files"]
    absent = [path for path in written if not (here.work / path).is_file()]
    expect(bool(written) and not absent, f"{absent} of the files it told of are not there: {written}")
    files(here.work / "run", "report-test.html", "confusion/test.npz")


def predict(here: Environment) -> None:
    here.segport("predict", "run", "raw/images", "--out", "masks", "--precision", "fp32", "--no-overlays")
    expect(len(list((here.work / "masks").glob("*.png"))) == IMAGES, "not every image has a mask")
    here.segport("predict", "run", min((here.work / "raw" / "images").iterdir()), "--out", "drawn")
    expect(len(list((here.work / "drawn").glob("*.png"))) == 2, "an image has no mask and overlay")


def refuses_the_other(here: Environment, other: Environment) -> None:
    """Every command that takes a backend, before it makes a file."""
    install = ("is not installed", f"pip install 'segport[{other.name}")
    wanted = ["--backend", other.name]
    here.segport("train", "data", "--run", "none", *wanted, code=4, says=install)
    here.segport("evaluate", "run", "--out", "none", *wanted, code=4, says=install)
    here.segport("predict", "run", "raw/images", "--out", "none", *wanted, code=4, says=install)
    here.segport("quickstart", "--out", "none", *wanted, code=4, says=install)
    expect(not (here.work / "none").exists(), "something was written before the backend was found missing")


def names_the_installed_one(here: Environment, other: Environment) -> None:
    """A run of the other framework, without --backend: what to install, or what is here and does as well."""
    ways = (f"pip install 'segport[{other.name}", f"--backend {here.module}")
    here.segport("evaluate", other.work / "run", "--out", "none", code=4, says=ways)


def evaluates_the_others_run(here: Environment, other: Environment) -> None:
    fp32 = ["--precision", "fp32", "--out", here.work / "evaluated"]
    mine = here.object("evaluate", other.work / "run", "--backend", here.name, *fp32)["scores"]
    theirs = other.object("evaluate", other.work / "run", *fp32)["scores"]
    expect(mine.keys() == theirs.keys() and "miou" in mine, f"scores are {mine} and {theirs}")
    apart = {name: (mine[name], theirs[name]) for name in mine if differ(mine[name], theirs[name])}
    expect(not apart, f"scores apart by more than {SAME_SCORE}: {apart}")


def differ(mine: Any, theirs: Any) -> bool:
    if mine is None or theirs is None:
        return mine is not theirs
    return abs(float(mine) - float(theirs)) > SAME_SCORE


def predicts_with_the_others_run(here: Environment, other: Environment) -> None:
    """And the core, which knows neither framework, finds the masks to be the same."""
    out = here.work / "others"
    flags = ["--backend", here.name, "--precision", "fp32", "--no-overlays"]
    here.segport("predict", other.work / "run", other.work / "raw" / "images", "--out", out, *flags)
    same_masks(out, other)


def resumes_the_others_run(here: Environment, other: Environment) -> None:
    """Interrupted after one of two epochs there and finished here, it is what it would have become there."""
    run_folder = here.work / "resumed"
    flags = [word.removeprefix("--") for word in TRAIN]
    settings = ["data", other.work / "data", "run", run_folder, "backend", other.name, *flags]
    run([other.program("python"), INTERRUPT, *settings], cwd=other.work)
    expect(len(losses(run_folder)) == 1, f"{len(losses(run_folder))} epochs before the interruption")
    report = here.object("train", "--resume", run_folder, "--backend", here.name)
    expect(report["epochs"] == 2, f"resumed to {report['epochs']} epochs")
    finished, whole = losses(run_folder), losses(other.work / "run")
    expect(finished[0] == whole[0], f"first epoch: {finished[0]} and {whole[0]}")
    expect(abs(finished[1] / whole[1] - 1) < SAME_LOSS, f"loss of the second epoch: {finished[1]} and {whole[1]}")


def losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


def inspect_and_score(here: Environment) -> None:
    """Together with what only prints: none of it needs a framework."""
    for line in ("--help", "train --help", "plugins list", "inspect data", "inspect data --augmented --samples 2"):
        here.segport(*line.split())
    same = here.object("score", "raw/masks", "raw/masks", "--classes", "raw/class_dict.csv")["scores"]
    expect(same["miou"] == 1.0, f"masks against themselves: {same}")


def passes_the_tests_of_a_new_package(here: Environment) -> None:
    """As `segport plugins new` writes it, installed by pip and not touched; it goes again, so that nobody meets it."""
    here.segport("plugins", "new", "brand-new", "--kind", "loss,metric,reader,tracker,backend")
    pip = [here.program("python"), "-m", "pip"]
    run([*pip, "install", "--quiet", "--editable", "brand-new[test]"], cwd=here.work)
    done = run([here.program("python"), "-m", "pytest", "-q"], cwd=here.work / "brand-new")
    expect(" passed" in done.stdout, f"no test ran: {done.stdout}")
    (part,) = here.object("plugins", "info", "loss:brand-new")["parts"]
    expect(part["distribution"] == "brand-new 0.1.0", f"it is from {part['distribution']}")
    run([*pip, "uninstall", "--quiet", "--yes", "brand-new"])


def core_predicts(other: Environment) -> None:
    """With NumPy alone, the model another environment trained."""
    reference = ["--backend", "reference", "--no-overlays"]
    CORE.segport("predict", other.work / "run", other.work / "raw" / "images", "--out", "by-numpy", *reference)
    same_masks(CORE.work / "by-numpy", other)


def same_masks(found: Path, other: Environment) -> None:
    """As the environment that trained the model predicts; every class is there, so that agreeing means something."""
    classes = other.work / "data" / "class_dict.csv"
    scored = CORE.object("score", found, other.work / "masks", "--classes", classes)
    supports = {row["name"]: row["support"] for row in scored["classes"]}
    expect(len(supports) == 4 and all(supports.values()), f"the masks hold {supports} pixels")
    expect(scored["scores"]["miou"] > 1 - SAME_SCORE, f"masks agree by {scored['scores']}")


def prove(here: Environment, wheel: Path) -> None:
    """What every environment can do, with a framework or without."""
    with step(here.name, f"install {wheel.name}[{here.extra}]"):
        here.make(wheel)
    for action in (
        only_its_framework,
        the_doctor_agrees,
        generate_and_prepare,
        inspect_and_score,
        passes_the_tests_of_a_new_package,
    ):
        with step(here.name, words(action)):
            action(here)


def prove_alone(here: Environment, other: Environment) -> None:
    """What one framework does without the other."""
    for action in (train, evaluate, predict):
        with step(here.name, words(action)):
            action(here)
    with step(here.name, f"{words(refuses_the_other)}, and says what to install"):
        refuses_the_other(here, other)


def prove_across(here: Environment, other: Environment) -> None:
    """What one framework does with a run of the other."""
    for action in (
        names_the_installed_one,
        evaluates_the_others_run,
        predicts_with_the_others_run,
        resumes_the_others_run,
    ):
        with step(here.name, words(action)):
            action(here, other)
    with step(CORE.name, f"predicts with the run of {here.name} by NumPy alone"):
        core_predicts(here)


def words(action: Callable[..., None]) -> str:
    return action.__name__.replace("_", " ")


def main(wheel: Path) -> None:
    for here in EVERY:
        prove(here, wheel)
    for here, other in PAIR:
        prove_alone(here, other)
    for here, other in PAIR:
        prove_across(here, other)


if __name__ == "__main__":
    every_step(main)
