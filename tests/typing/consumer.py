"""A program that uses segport, for `mypy --strict`: what is said here must be what the types say. It is not run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import segport
from segport import (
    ArraySource,
    EvaluateSettings,
    PredictSettings,
    PrepareSettings,
    SampleDataset,
    SegportError,
    Settings,
    Toolkit,
    TrainSettings,
    in_memory,
)
from segport.application.evaluate import EvaluationReport
from segport.application.predictor import Prediction
from segport.application.training.train import TrainReport
from segport.domain.choices import Choice
from segport.domain.events import EpochDone, Event
from segport.domain.ports.backend import Backend
from segport.domain.ports.checkpoints import RunStore
from segport.domain.ports.clock import Clock
from segport.domain.ports.dataset import Dataset, LabelledSource, SampleSource
from segport.domain.samples import Sample
from segport.domain.terms import Fit, Precision


class Mine:
    """A source of one's own is one by its methods."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int, /) -> Sample:
        return Sample("a", np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8))


class Still:
    """So is a clock."""

    def now(self) -> str:
        return "2020-01-01T00:00:00+00:00"

    def seconds(self) -> float:
        return 0.0


source: SampleSource = Mine()
clock: Clock = Still()
arrays: LabelledSource | SampleSource = ArraySource([np.zeros((4, 4, 3), np.uint8)], [np.zeros((4, 4), np.uint8)])
dataset: Dataset = SampleDataset.of("mine", ["a", "b"], task="binary", train=source, val=arrays)
toolkit = Toolkit(Settings(disabled_plugins=("tensorflow",)), clock=clock, **in_memory(dataset))
store: RunStore = toolkit.runs

words = TrainSettings("mine", run="run", backend="torch", precision="fp32", fit="pad", loss="dice", epochs=3)
values = TrainSettings(
    Path("mine"), backend=Choice("torch"), precision=Precision.FP32, fit=Fit.LETTERBOX, track=(Choice("log"),)
)
PrepareSettings("photos", "data", task="multilabel", size=(64, 64))
PredictSettings("run", ("a.png",))
assert_type(words.precision, Precision)
assert_type(words.fit, Fit | None)
assert_type(words.run, Path | None)
assert_type(words.backend, Choice)
TrainSettings("mine", epochs="ten")  # type: ignore[arg-type]
TrainSettings("mine", epoch=3)  # type: ignore[call-arg]
TrainSettings(3)  # type: ignore[arg-type]


def learn(flag: Flag) -> TrainReport:
    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            assert_type(event.metrics["val_miou"], float)

    try:
        return toolkit.train(words, listen=listen, stop=flag.is_set)
    except SegportError as error:
        assert_type(error.problems, tuple[str, ...])
        return toolkit.train.resume(Path("run"))


def follow() -> list[str]:
    with closing(toolkit.train.events(words)) as events:
        return [type(event).__name__ for event in events]


def use(images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
    report = toolkit.evaluate(EvaluateSettings("run"))
    assert_type(report, EvaluationReport)
    assert_type(report.scores[0].value, float)
    return list(toolkit.predict.arrays("run", images, precision="fp32"))


def shortest() -> float:
    session = segport.open("torch", device="cpu", precision="bf16")
    assert_type(session.toolkit.registry.backend("torch"), Backend)
    trained = session.train("data", epochs=3)
    assert_type(session.predict(trained.run, []), list[Prediction])
    return session.evaluate(trained.run).seconds
