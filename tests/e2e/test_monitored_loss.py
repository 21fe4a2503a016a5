"""Training by the loss on the validation split, and a run of before there was one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from segport.adapters.storage.records import read_metrics
from segport.application.settings import TrainSettings
from segport.bootstrap import Toolkit
from segport.domain.errors import RunInterruptedError
from segport.domain.events import EpochDone, Event

OLD = ("epoch", "rate", "train_loss", "train_miou", "train_accuracy", "val_miou", "val_f1", "val_accuracy")


def settings(data: Path, run: Path) -> TrainSettings:
    return TrainSettings(
        data,
        run=run,
        model="unet:decoder_channels=[16,8],deep_supervision=true",
        encoder="plain:width=8,depth=3",
        size=(64, 64),
        batch=4,
        epochs=4,
        rate=0.01,
        schedule="plateau:patience=0",
        monitor="loss",
        workers=1,
        device="cpu",
        track=(),
    )


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    Toolkit().train(settings(prepared, run))
    return run


def test_the_epoch_with_the_lowest_loss_is_kept(whole: Path) -> None:
    rows = read_metrics(whole / "metrics.csv")
    best = min(rows, key=lambda row: row["val_loss"])
    name = f"epoch-{int(best['epoch']):04d}-loss-{best['val_loss']:.4f}.safetensors"
    kept = (whole / "checkpoints" / name).read_bytes()
    assert (whole / "checkpoints" / "best.safetensors").read_bytes() == kept
    assert {part + name for part in ("train_", "val_") for name in ("loss", "miou", "f1", "precision", "recall")} < set(
        rows[0]
    )


def test_a_run_with_the_columns_of_before_goes_on_to_the_same_weights(
    prepared: Path, whole: Path, tmp_path: Path
) -> None:
    run, done = tmp_path / "run", []

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            done.append(event.epoch)

    with pytest.raises(RunInterruptedError):
        Toolkit().train(settings(prepared, run), listen=listen, stop=lambda: len(done) == 2)
    rows = read_metrics(run / "metrics.csv")
    with (run / "metrics.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, OLD, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    Toolkit().train.resume(run)
    found, wanted = read_metrics(run / "metrics.csv"), read_metrics(whole / "metrics.csv")
    assert found == [*({n: v for n, v in row.items() if n in OLD} for row in wanted[:2]), *wanted[2:]]
    for name in ("last", "best"):
        path = f"checkpoints/{name}.safetensors"
        assert (run / path).read_bytes() == (whole / path).read_bytes(), name
