"""What goes wrong around a training: it ends soon, says what, where and what to do, and loses nothing it had saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image as Pillow

from segport.application.settings import TrainSettings
from segport.bootstrap import Settings, Toolkit
from segport.domain.errors import DataError, OutOfMemoryError, TrainingDivergedError
from segport.domain.events import EpochDone, Event
from segport.plugins import Entry, Kind, hookimpl

EPOCHS = 2
PROMISED = ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")
BACKENDS = ("torch", "tensorflow")


def settings(prepared: Path, run: Path, tiny: tuple[str, ...], **more: Any) -> TrainSettings:
    values = {flag.removeprefix("--"): value for flag, value in zip(tiny[::2], tiny[1::2], strict=True)}
    values |= {"data": prepared, "run": run, "epochs": EPOCHS, "rate": 0.01, "workers": 2, "device": "cpu", **more}
    return Toolkit().codec.from_values(TrainSettings, values, where="test")


def after_an_epoch(act: Callable[[], object]) -> Callable[[Event], None]:
    """Hears of a run, and does something when its first epoch is done."""

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 1:
            act()

    return listen


def failures(run: Path) -> list[str]:
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event["reason"] for event in map(json.loads, lines) if event["event"] == "RunFailed"]


def left_well(run: Path) -> None:
    """Nothing half-written, nothing locked, no thread at work, and the last checkpoint good."""
    assert not list(run.rglob(".*"))
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("segport")]
    assert Toolkit().runs.open(run).load("last").state is not None


@pytest.fixture(scope="module")
def data(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared shapes, with files of their own to be spoilt: those of ``prepared`` are shared."""
    folder = tmp_path_factory.mktemp("spoilt") / "data"
    for path in sorted(prepared.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(prepared)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory, tiny) -> Callable[[str], Path]:
    """A run of a backend in which nothing went wrong."""
    folder = tmp_path_factory.mktemp("whole")

    def run(backend: str) -> Path:
        if not (folder / backend).exists():
            Toolkit().train(settings(data, folder / backend, tiny, backend=backend, cache=False))
        return folder / backend

    return run


def vanished(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def of_another_size(path: Path) -> None:
    with Pillow.open(path) as picture:
        picture.crop((0, 0, 9, 9)).save(path)


@pytest.mark.parametrize(
    ("backend", "spoil", "words"),
    [
        ("torch", vanished, "there is no such file"),
        ("tensorflow", vanished, "there is no such file"),
        ("torch", cut_short, "it is broken or cut short"),
        ("torch", of_another_size, "is 9x9 pixels"),
    ],
)
def test_an_image_that_is_spoilt_while_it_is_trained_on(
    backend: str, spoil: Callable[[Path], None], words: str, whole, data: Path, tmp_path: Path, tiny
) -> None:
    """It is named, with what to do; brought back, the run ends with the bytes of one that was never disturbed."""
    dataset = Toolkit().datasets.open(data)
    image = data / dataset.split("train").rows[3].stored.image  # type: ignore[attr-defined]
    before = image.read_bytes()
    run = tmp_path / "run"
    wanted = settings(data, run, tiny, backend=backend, cache=False)
    try:
        with pytest.raises(DataError, match=words) as caught:
            Toolkit().train(wanted, listen=after_an_epoch(lambda: spoil(image)))
    finally:
        image.write_bytes(before)
    assert str(image) in str(caught.value)
    assert f"Then go on with: segport train --resume {run}" in str(caught.value)
    assert failures(run) == [caught.value.message]
    left_well(run)
    Toolkit().train.resume(run)
    for name in PROMISED:
        assert (run / name).read_bytes() == (whole(backend) / name).read_bytes(), name


def exhausted_torch() -> None:
    import torch

    torch.empty(1 << 46)


def exhausted_tensorflow() -> None:
    import tensorflow as tf

    tf.broadcast_to(tf.zeros((1,)), (1 << 20, 1 << 20, 16))


SESSIONS = {
    "torch": ("segport.adapters.torch.train.TorchTrainSession", exhausted_torch),
    "tensorflow": ("segport.adapters.tensorflow.train.TensorflowTrainSession", exhausted_tensorflow),
}


@pytest.fixture(params=BACKENDS)
def failing_step(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a backend's third step do something else first; returns the backend's name."""
    session, exhaust = SESSIONS[request.param]

    def arrange(act: Callable[[], object] = exhaust) -> str:
        steps = []
        module, _, name = session.rpartition(".")
        kind = getattr(__import__(module, fromlist=[name]), name)
        step = kind.step

        def failing(self: Any, *arguments: Any) -> None:
            steps.append(1)
            if len(steps) == 3:
                act()
            step(self, *arguments)

        monkeypatch.setattr(kind, "step", failing)
        return str(request.param)

    return arrange


def test_memory_that_runs_out_is_told_with_what_to_try(failing_step, cli, prepared: Path, tmp_path: Path, tiny) -> None:
    """The framework's own error, of a tensor that no machine holds."""
    backend, run = failing_step(), tmp_path / "run"
    flags = ("--epochs", EPOCHS, "--workers", "1", "--device", "cpu", "--backend", backend)
    said = cli("train", prepared, "--run", run, *tiny, *flags)
    said.failed(7, "Memory ran out in training, with batches of 4 images of 64x64", "alloca")
    said.failed(7, "smaller --batch", "--accumulate", "smaller --size", "--precision bf16")
    assert len(failures(run)) == 1
    left_well(run)


@pytest.mark.parametrize("failing_step", ["torch"], indirect=True)
def test_python_itself_may_be_what_has_no_memory_left(failing_step, prepared: Path, tmp_path: Path, tiny) -> None:
    def exhaust() -> None:
        raise MemoryError

    wanted = settings(prepared, tmp_path / "run", tiny, backend=failing_step(exhaust))
    with pytest.raises(OutOfMemoryError, match="Memory ran out in training"):
        Toolkit().train(wanted)
    left_well(tmp_path / "run")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_that_is_no_number_ends_the_run_and_spoils_no_checkpoint(
    backend: str, prepared: Path, tmp_path: Path, tiny
) -> None:
    """A rate that no network survives, from the second epoch on."""
    run = tmp_path / "run"
    more = {"backend": backend, "rate": 1e30, "clip": 0, "warmup": 1, "precision": "fp32", "optimizer": "sgd"}
    with pytest.raises(TrainingDivergedError) as caught:
        Toolkit().train(settings(prepared, run, tiny, **more))
    assert "not finite" in caught.value.message or "The loss became" in caught.value.message
    assert "--rate" in caught.value.fix and "--clip" in caught.value.fix
    assert failures(run) == [caught.value.message]
    assert not list(run.rglob(".*"))


def test_what_a_listener_raises_comes_through_and_the_run_can_go_on(prepared: Path, tmp_path: Path, tiny) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in a listener")

    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError, match="in a listener"):
        Toolkit().train(settings(prepared, run, tiny), listen=after_an_epoch(fail))
    assert failures(run) == ["ZeroDivisionError: in a listener"]
    assert not list(run.rglob(".*"))
    assert Toolkit().train.resume(run).epochs == EPOCHS


def test_a_listener_that_fails_at_everything_hides_no_failure(prepared: Path, tmp_path: Path, tiny) -> None:
    def fail(event: Event) -> None:
        raise ZeroDivisionError(type(event).__name__)

    with pytest.raises(ZeroDivisionError, match="RunStarted"):
        Toolkit().train(settings(prepared, tmp_path / "run", tiny), listen=fail)


class Exits:
    """A plugin that ends the program where it is asked what it offers, as one does that misses something."""

    @staticmethod
    @hookimpl
    def segport_losses() -> list[Entry]:
        sys.exit("mine is not licensed here")


def broken_loss() -> Callable[..., Any]:
    sys.exit("mine cannot be imported here")


def offers_loss() -> list[Entry]:
    return [Entry(Kind.LOSS, "mine", "somebody else's", broken_loss)]


def test_a_plugin_that_ends_the_program_is_told_of_and_left_out(prepared: Path, tmp_path: Path, tiny) -> None:
    loading = SimpleNamespace(segport_losses=hookimpl(offers_loss))
    toolkit = Toolkit(Settings((), [("exits", Exits), ("loading", loading)]))
    assert toolkit.registry.faults() == {"exits": "SystemExit: mine is not licensed here"}
    with pytest.raises(
        Exception, match=r"loss 'mine' of plugin 'loading' could not be loaded: .*cannot be imported here"
    ):
        toolkit.train(settings(prepared, tmp_path / "run", tiny, loss="mine"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("framework", "backend"), [("torch", "torch"), ("tensorflow", "tf")], ids=["torch", "tensorflow"]
)
def test_a_framework_that_is_half_installed_says_so(
    framework: str, backend: str, prepared: Path, tmp_path: Path
) -> None:
    package = tmp_path / "broken" / framework
    package.mkdir(parents=True)
    missing = "libcudart.so.99: cannot open shared object file"
    (package / "__init__.py").write_text(f"raise ImportError({missing!r})\n", encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("segport"), "train", prepared, "--backend", backend, "--run", tmp_path / "run"],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 4
    assert f"error: The backend '{framework}' of plugin '{framework}' could not be loaded: " in done.stderr
    assert missing in done.stderr and "segport doctor" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gpu_that_is_not_there(backend: str, cli, prepared: Path, tmp_path: Path, tiny) -> None:
    command = ("train", prepared, "--run", tmp_path / "run", *tiny, "--backend", backend, "--device", "cuda:7")
    cli(*command).failed(2, "has no device 'cuda:7' here", "Use one of: auto", "segport doctor")
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_while_training(cli, prepared: Path, tmp_path: Path, tiny, file_limit) -> None:
    """The best checkpoint still fits, the last one with its training state does not."""
    run = tmp_path / "run"
    with file_limit(200_000):
        said = cli("train", prepared, "--run", run, *tiny, "--epochs", 2, "--workers", 1)
    said.failed(5, "last.safetensors cannot be written", "Free some space")
    assert len(failures(run)) == 1
    assert not list(run.rglob(".*"))
    assert cli("train", "--resume", run, "--quiet").code == 0


PLACES = {
    "generate": ("generate", "shapes", "{out}", "--num-images", "2"),
    "prepare": ("prepare", "{source}", "{out}"),
    "train": ("train", "{prepared}", "--run", "{out}", "--epochs", "1"),
    "inspect": ("inspect", "{prepared}", "--out", "{out}"),
    "evaluate": ("evaluate", "{trained}", "--out", "{out}"),
    "predict": ("predict", "{trained}", "{source}/images", "--out", "{out}"),
    "score": ("score", "{prepared}/masks", "{prepared}/masks", "--out", "{out}"),
    "export": ("export", "{trained}", "--to", "torch-state-dict", "--out", "{out}/x.pt"),
    "compare": ("compare", "{trained}", "{trained}/../trained", "--out", "{out}/x.png"),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "place",
    [
        "file/inside",
        pytest.param(
            "/proc/none", marks=pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
        ),
    ],
)
def test_a_place_nobody_can_write_to(
    name: str, place: str, cli, source: Path, prepared: Path, trained: Path, tmp_path: Path, tiny
) -> None:
    """Below a file, and where the system lets nobody make anything: so for root as well, who may write to all else."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    out = tmp_path / place
    known = {"out": out, "source": source, "prepared": prepared, "trained": trained}
    command = [word.format(**known) for word in PLACES[name]]
    said = cli(*command, *(tiny if name == "train" else ()))
    said.failed(said.code, str(out.parent) if place.startswith("file") else "/proc")
    assert said.code in (3, 5)
    assert sorted(os.listdir(tmp_path)) == ["file", "source"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything; the test before this one covers root")
@pytest.mark.parametrize("name", ["prepare", "train", "predict"])
def test_a_folder_without_the_right_to_write(
    name: str, cli, source: Path, prepared: Path, trained: Path, tmp_path: Path, tiny
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    known = {"out": home / "out", "source": source, "prepared": prepared, "trained": trained}
    command = [word.format(**known) for word in PLACES[name]]
    said = cli(*command, *(tiny if name == "train" else ()))
    said.failed(said.code, str(home), "Permission denied")
    assert said.code in (3, 5)
