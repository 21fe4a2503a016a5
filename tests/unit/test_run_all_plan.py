"""Plans of run-all: what a file's tables ask for, and everything that is wrong with them at once."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cyclopts import App

from segport.application.run_all.planning import TABLES
from segport.application.run_all.steps import Step, StepSettings
from segport.application.settings import (
    DownloadSettings,
    EvaluateSettings,
    GenerateSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
)
from segport.bootstrap import Toolkit
from segport.cli.flags import command
from segport.cli.main import app
from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError, UnknownNameError
from segport.domain.terms import Fit, Precision

OUT = Path("all")


def steps(**tables: dict[str, Any]) -> list[Step]:
    return list(Toolkit().run_all.plan(tables, out=OUT).steps)


def test_each_step_works_on_what_the_one_before_it_makes() -> None:
    made = steps(predict={}, evaluate={"splits": ["val", "test"]}, train={"seeds": 2}, prepare={}, generate={})
    assert [step.name for step in made] == ["generate", "prepare", "train", "evaluate val", "evaluate test", "predict"]
    assert [" ".join(step.words) for step in made] == [
        "generate shapes all/raw",
        "prepare all/raw all/data",
        "train all/data --run all/run --seeds 2",
        "evaluate all/run --split val",
        "evaluate all/run",
        "predict all/run/seed-41 all/data/images --out all/predictions",
    ]


def test_what_a_file_says_itself_wins() -> None:
    made = steps(prepare={"source": "photos", "out": "data/mine"}, train={"run": "runs/a"}, evaluate={"split": "val"})
    assert [" ".join(step.words) for step in made] == [
        "prepare photos data/mine",
        "train data/mine --run runs/a",
        "evaluate runs/a --split val",
    ]
    assert [step.makes for step in made] == [Path("data/mine"), Path("runs/a"), None]


def test_everything_wrong_in_every_table_is_told_at_once() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        steps(
            generate={"num_images": 0, "wdith": 3},
            prepare={"reader": "coko"},
            train={"epochs": "many", "loss": "dise"},
            evaluate={"splits": 3, "batch": "x"},
            predict={"tile": 1},
        )
    told = "\n".join(caught.value.problems)
    for line in (
        "[generate] num_images = 0",
        "[generate] wdith: unknown; did you mean width?",
        "[prepare] Unknown reader 'coko'. Did you mean 'coco'?",
        "[train] epochs = 'many'",
        "[evaluate] batch = 'x'",
        "[predict] tile = 1",
    ):
        assert line in told


def test_wrong_names_are_told_together() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        steps(train={"data": "d", "loss": "dise", "encoder": "resnet81", "schedule": "cosine:flor=1", "track": "lgo"})
    told = str(caught.value)
    assert all(name in told for name in ("'dise'", "'resnet81'", "'flor'", "'lgo'"))


def test_a_single_error_stays_what_it_is() -> None:
    with pytest.raises(UnknownNameError, match="Unknown backend 'torhc'"):
        steps(train={"data": "data", "backend": "torhc"}, evaluate={})
    with pytest.raises(UnknownNameError, match="data set 'camvit'"):
        steps(download={"name": "camvit"})
    with pytest.raises(InvalidSpecError, match="cannot be fetched so"):
        steps(download={"name": "open-images"})


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"out": "a", "trian": {}}, "trian: unknown; did you mean [train]?"),
        ({"out": "a", "epochs": 3}, "epochs: unknown; expected [generate], [download]"),
        ({"out": "a", "train": 3}, "train = 3: expected a table"),
        ({"out": "a"}, "nothing to do"),
        ({"train": {}}, "out: missing"),
        ({"out": 3, "train": {}}, "out: missing"),
        ({"out": "a", "generate": {}, "download": {}}, "the data comes from one of them"),
    ],
)
def test_a_file_of_another_shape_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        Toolkit().run_all.plan(values, where="run.toml")
    assert "run.toml" in caught.value.message
    assert problem in "\n".join(caught.value.problems)


def test_what_no_step_makes_must_be_named() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        steps(prepare={}, predict={})
    told = "\n".join(caught.value.problems)
    assert "[prepare] source: missing" in told and "[predict] run: missing" in told


def test_a_dry_run_prints_commands_that_can_be_typed_and_makes_nothing(cli, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables = {"out": "my folder", "generate": {"num_images": 3}, "prepare": {}, "train": {"size": 64}, "evaluate": {}}
    Path("all.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")
    said = cli("run-all", "all.toml", "--dry-run")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "segport generate shapes 'my folder/raw' --num-images 3"
    assert len(lines) == 4
    for line in lines:
        app().parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.toml"]
    cli("run-all", "none.toml").failed(2, "none.toml does not exist")


SETTINGS: list[StepSettings] = [
    GenerateSettings(Path("a b"), shapes=("ellipse",), seed=5),
    DownloadSettings("open-images", Path("d"), classes=("Cat", "Dog"), count=3),
    PrepareSettings(Path("s"), Path("d"), reader=Choice.of('open-images:only=["Cat","Dog"]'), ignore=(254, 255)),
    SeedsSettings(
        Path("d"),
        run=Path("r"),
        precision=Precision.BF16,
        cache=False,
        track=(Choice("log"), Choice("tensorboard")),
        model=Choice.of("unet:decoder_channels=[16,8],deep_supervision=true"),
        freeze_encoder="always",
        output_weights=(1.0, 0.5),
        size=(64, 96),
        fit=Fit.STRETCH,
        rate=1e-5,
        seeds=2,
    ),
    EvaluateSettings(Path("r"), split="holding", calibration=False, backend=Choice("tensorflow")),
    PredictSettings(Path("r"), ("one.png", "more/*.png"), probabilities=True, overlays=False),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: type(settings).__name__)
def test_words_mean_the_settings_they_were_made_of(settings: StepSettings) -> None:
    given: dict[str, Any] = {}

    def run(values: dict[str, Any]) -> int:
        given.update(values)
        return 0

    parser = App(result_action="return_value")
    parser.default(command(type(settings), run))
    words = Step("step", settings).words
    parser(words[2 if words[0] == "generate" else 1 :], exit_on_error=False, print_error=False)
    assert Toolkit().codec.from_values(type(settings), given, where="words") == settings


def test_every_table_is_a_command() -> None:
    commands = {name for name in app() if not name.startswith("-")}
    assert set(TABLES) <= commands
