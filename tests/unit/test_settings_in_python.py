"""Settings made in Python: plain words are understood, and one error tells all that is wrong."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from segport.application.run_all.planning import EvaluateSplitsSettings
from segport.application.settings import (
    EvaluateSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
    ShowModelSettings,
    TrainSettings,
)
from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError
from segport.domain.terms import Fit, Precision, Task


def test_plain_words_are_understood() -> None:
    made = TrainSettings(
        "data",
        precision="fp32",
        fit="pad",
        loss="focal:gamma=2",
        track=["log"],
        size=[64, 96],
        epochs=np.int64(3),
        rate=1,
    )
    assert made == TrainSettings(
        Path("data"),
        precision=Precision.FP32,
        fit=Fit.LETTERBOX,
        loss=Choice("focal", {"gamma": 2}),
        track=(Choice("log"),),
        size=(64, 96),
        epochs=3,
        rate=1.0,
    )
    assert type(made.epochs) is int and type(made.rate) is float
    assert PrepareSettings("a", "b", task="multilabel").task is Task.MULTILABEL
    assert PredictSettings("run", [Path("a.png"), "b.png"]).inputs == ("a.png", "b.png")
    assert ShowModelSettings("unet", input=[3, 64, 64]).name == Choice("unet")


def test_every_problem_is_told_at_once_with_class_field_value_and_what_is_allowed() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        TrainSettings(  # type: ignore[call-arg]
            "data",
            precision="fp64",  # type: ignore[arg-type]
            epochs="ten",  # type: ignore[arg-type]
            batch=0,
            workers=True,
            size=(64,),  # type: ignore[arg-type]
            freeze_encoder="never",  # type: ignore[arg-type]
            track="log",
            loss="",
            normalisation="none",
            epoch=3,
        )
    assert caught.value.message == "TrainSettings: 10 settings cannot be used."
    assert caught.value.problems == (
        "precision = 'fp64': expected one of 'auto', 'fp32', 'bf16', 'fp16'",
        "epochs = 'ten': expected a whole number",
        "batch = 0: 'batch' must be > 0: 0",
        "workers = True: expected a whole number",
        "size = (64,): expected 2 values",
        "freeze_encoder = 'never': expected a whole number, or 'always'",
        "track = 'log': expected a list or tuple",
        "loss = '': '' is not a name. Write it as 'name' or 'name:option=value,option=value'.",
        "normalisation = 'none': 'normalisation' must be in ('dataset', 'imagenet') (got 'none')",
        "epoch: unknown; did you mean epochs?",
    )


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("data", None, "data = None: expected a path"),
        ("deterministic", 1, "deterministic = 1: expected True or False"),
        ("ema", "0.9", "ema = '0.9': expected a number"),
        ("ema", 1.0, "ema = 1.0: 'ema' must be < 1: 1.0"),
        ("epochs", 2.0, "epochs = 2.0: expected a whole number"),
        ("monitor", 3, "monitor = 3: expected text"),
        ("output_weights", [1, "a"], "output_weights = [1, 'a']: expected a number"),
        (
            "freeze_encoder",
            -1,
            "freeze_encoder = -1: 'freeze_encoder' must be a whole number of epochs, or 'always': -1",
        ),
    ],
)
def test_a_wrong_value_is_told(field: str, value: object, told: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        TrainSettings(**{"data": Path("data"), field: value})
    assert caught.value.problems == (told,)


def test_arguments_that_lack_and_that_are_too_many() -> None:
    with pytest.raises(InvalidSpecError, match="out: missing"):
        PrepareSettings("photos")  # type: ignore[call-arg]
    with pytest.raises(InvalidSpecError, match="EvaluateSettings has 13 fields, and 14 values were given"):
        EvaluateSettings(*["run"] * 14)  # type: ignore[call-arg, arg-type]


def test_children_and_changed_copies_are_checked_too() -> None:
    several = SeedsSettings("data", seeds=2, precision="bf16")
    assert several.single(seed=7) == TrainSettings("data", precision="bf16", seed=7)
    assert attrs.evolve(several, fit="crop").fit is Fit.CROP
    with pytest.raises(InvalidSpecError, match="SeedsSettings: 1 setting"):
        attrs.evolve(several, seeds=0)
    assert EvaluateSplitsSettings("run", splits=("val",), precision="fp32").splits == ("val",)
