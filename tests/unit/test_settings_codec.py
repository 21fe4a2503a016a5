"""Settings as plain values: what a flag says, a TOML file and Python say too, and all that is wrong is told at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from segport.adapters.storage.settings import CattrsCodec
from segport.application.settings import (
    EvaluateSettings,
    GenerateSettings,
    InspectSettings,
    PredictSettings,
    PrepareSettings,
    ScoreSettings,
    TrainSettings,
)
from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.configuration import SettingsCodec
from segport.domain.terms import Fit, Precision, Task

CODEC: SettingsCodec = CattrsCodec()
ALL = (
    GenerateSettings,
    PrepareSettings,
    InspectSettings,
    TrainSettings,
    EvaluateSettings,
    PredictSettings,
    ScoreSettings,
)
DATA = {"data": "shapes"}

PATHS = st.from_regex(r"[a-z/._-]{1,12}", fullmatch=True).map(Path)
CHOICES = st.builds(
    Choice,
    st.sampled_from(["unet", "focal", "adamw"]),
    st.dictionaries(
        st.sampled_from(["gamma", "width", "mode"]),
        st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.text(max_size=5),
        max_size=2,
    ),
)
RATES = st.floats(1e-12, 1e3)
TRAIN = st.builds(
    TrainSettings,
    data=PATHS,
    run=st.none() | PATHS,
    precision=st.sampled_from(Precision),
    workers=st.integers(1, 64),
    cache=st.booleans(),
    model=st.none() | CHOICES,
    loss=st.none() | CHOICES,
    optimizer=st.none() | CHOICES,
    class_weights=st.sampled_from([None, "none", "inverse", "median"]),
    output_weights=st.none() | st.lists(RATES, min_size=1, max_size=4).map(tuple),
    rate=st.none() | RATES,
    warmup=st.none() | st.integers(0, 10**6),
    size=st.none() | st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    fit=st.none() | st.sampled_from(Fit),
    seed=st.integers(0, 2**32 - 1),
)


def made(**values: Any) -> TrainSettings:
    return CODEC.from_values(TrainSettings, {**DATA, **values}, where="here")


def as_flag(value: Any) -> Any:
    """What a person would write on the command line for a value of a TOML file."""
    if isinstance(value, list):
        return ",".join(map(as_flag, value))
    return value if isinstance(value, str | bool) else repr(value)


@given(TRAIN)
def test_settings_survive_toml(settings: TrainSettings) -> None:
    text = tomli_w.dumps(CODEC.to_values(settings))
    assert CODEC.from_values(TrainSettings, tomllib.loads(text), where="run.toml") == settings


@given(TRAIN)
def test_flags_mean_what_typed_values_mean(settings: TrainSettings) -> None:
    flags = {name.replace("_", "-"): as_flag(value) for name, value in CODEC.to_values(settings).items()}
    assert CODEC.from_values(TrainSettings, flags, where="flags") == settings


@pytest.mark.parametrize("cls", ALL)
def test_every_field_has_help_and_a_default_that_can_be_written(cls: type) -> None:
    needed = {f.name: "x" for f in attrs.fields(cls) if f.default is attrs.NOTHING}
    settings = CODEC.from_values(cls, needed, where="here")
    assert all(field.metadata["help"].endswith(".") for field in attrs.fields(cls))
    assert CODEC.from_values(cls, CODEC.to_values(settings), where="here") == settings


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("size", "256", (256, 256)),
        ("size", 256, (256, 256)),
        ("size", "256x384", (256, 384)),
        ("size", [256, 384], (256, 384)),
        ("output_weights", "1,0.5", (1.0, 0.5)),
        ("output-weights", [1, 0.5], (1.0, 0.5)),
        ("output-weights", 1, (1.0,)),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("cache", "no", False),
        ("cache", "On", True),
        ("fit", "letterbox", Fit.LETTERBOX),
        ("precision", "bf16", Precision.BF16),
        ("run", "runs/a b", Path("runs/a b")),
        ("loss", {"name": "focal", "gamma": 2}, Choice("focal", {"gamma": 2})),
        ("schedule", "multi-step:milestones=[10,20]", Choice("multi-step", {"milestones": [10, 20]})),
    ],
)
def test_a_value_may_be_written_in_several_ways(name: str, value: Any, wanted: Any) -> None:
    assert getattr(made(**{name: value}), name.replace("-", "_")) == wanted


def test_tuples_of_other_settings() -> None:
    prepare = CODEC.from_values(
        PrepareSettings, {"source": "a", "out": "b", "ignore": "254,255", "task": "binary"}, where=""
    )
    assert (prepare.ignore, prepare.task) == ((254, 255), Task.BINARY)
    predict = CODEC.from_values(PredictSettings, {"run": "r", "inputs": ["a b.png", "c,d.png"]}, where="")
    assert predict.inputs == ("a b.png", "c,d.png")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("epochs", "ten", "expected a whole number"),
        ("epochs", 1.5, "expected a whole number"),
        ("epochs", True, "expected a whole number"),
        ("epochs", 0, "'epochs' must be > 0: 0"),
        ("rate", "fast", "expected a number"),
        ("rate", -1, "must be > 0"),
        ("cache", "maybe", "expected true or false"),
        ("cache", 2, "expected true or false"),
        ("size", "1x2x3", "expected 2 values, as in 256x384"),
        ("size", "axb", "expected a whole number"),
        ("size", True, "expected"),
        ("precision", "fp8", "expected one of auto, fp32, bf16, fp16"),
        ("fit", "cover", "expected one of native, letterbox, stretch, crop"),
        ("class_weights", "some", "must be in"),
        ("backend", 3, "is not a name"),
        ("run", 3, "expected text"),
        ("loss", 3, "is not a name"),
        ("loss", "focal:gamma", "is not an option"),
        ("seed", 2**32, "must be <"),
    ],
)
def test_a_wrong_value_is_quoted_with_the_reason(name: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidSpecError, match=r"here: 1 setting cannot be used") as caught:
        made(**{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} = {value!r}: ") and reason in problem
    assert "Attribute(" not in problem


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        CODEC.from_values(TrainSettings, {"epochz": 3, "rate": "x", "batch": 0}, where="run.toml")
    assert len(caught.value.problems) == 4
    text = str(caught.value)
    assert text.startswith("run.toml: 4 settings")
    for part in (
        "epochz: unknown; did you mean epochs",
        "rate = 'x'",
        "batch = 0",
        "data: missing; Prepared data set.",
    ):
        assert part in text


def test_a_wrong_value_is_not_called_missing_too() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        CODEC.from_values(TrainSettings, {"data": 3}, where="run.toml")
    assert len(caught.value.problems) == 1


def test_none_is_left_out_and_means_derive_it() -> None:
    values = CODEC.to_values(TrainSettings(Path("shapes")))
    assert "rate" not in values and values["backend"] == "torch"
    assert CODEC.from_values(TrainSettings, values, where="").rate is None
