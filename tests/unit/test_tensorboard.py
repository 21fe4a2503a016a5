"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from segport.domain.events import EpochDone, Event, RunStarted, StepsDone


def epoch(number: int, loss: float, miou: float) -> EpochDone:
    return EpochDone(number, {"train_loss": loss, "val_miou": miou, "val_iou_sky": miou}, 1e-3, 2.5, improved=False)


def follow(run: Path, *events: Event) -> None:
    from segport.adapters.tracking.tensorboard import TensorboardTracker

    tracker = TensorboardTracker(run)
    for event in events:
        tracker.handle(event)
    tracker.close()


@pytest.fixture(autouse=True)
def _reading_loads_no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard reads with TensorFlow where that is installed, unless it finds this module of its own."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    return {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def test_every_number_of_an_epoch_is_a_scalar_and_training_stands_beside_validation(tmp_path: Path) -> None:
    progress = StepsDone(epoch=1, step=5, steps=10, loss=0.5, rate=1e-3, images_per_second=9.0)
    follow(tmp_path, RunStarted("r", 2, 10), progress, epoch(1, 0.5, 0.25), epoch(2, 0.375, math.nan))
    assert scalars(tmp_path) == {
        "loss/train": [(1, 0.5), (2, 0.375)],
        "miou/val": [(1, 0.25)],
        "iou_sky/val": [(1, 0.25)],
        "rate": [(1, pytest.approx(1e-3)), (2, pytest.approx(1e-3))],
        "seconds": [(1, 2.5), (2, 2.5)],
    }


def test_a_resumed_run_voids_the_epochs_it_does_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segport.adapters.tracking import tensorboard

    follow(tmp_path, RunStarted("r", 3, 10), epoch(1, 0.5, 0.25), epoch(2, 0.25, 0.5))
    later = tensorboard.time.time() + 5
    monkeypatch.setattr(tensorboard.time, "time", lambda: later)
    follow(tmp_path, RunStarted("r", 3, 10, epoch=1), epoch(2, 0.125, 0.75), epoch(3, 0.0625, 0.875))
    assert scalars(tmp_path)["loss/train"] == [(1, 0.5), (2, 0.125), (3, 0.0625)]


def test_writing_loads_no_framework(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from segport.adapters.tracking.tensorboard import TensorboardTracker; "
        f"TensorboardTracker(pathlib.Path({str(tmp_path)!r})).close(); "
        "print([m for m in ('torch', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
