"""quickstart: the whole way once, on generated data: generate, prepare, train, evaluate, predict, draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import gt
from cyclopts import App

from ..application.settings import (
    DEFAULT_BACKEND,
    EvaluateSettings,
    GenerateSettings,
    InspectSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
)
from ..domain.choices import Choice
from . import data_commands, training_commands
from .dispatch import add
from .terminal import Terminal

if TYPE_CHECKING:
    from ..bootstrap import Toolkit

IMAGES = 200
BATCH = 4
AUGMENT = "light"
"""Many small updates on gently changed images: the way to a good score within minutes."""


def _choice(value: str | Choice) -> Choice:
    return Choice.of(value)


@frozen
class QuickstartSettings:
    """Generate shapes, prepare, train, evaluate and predict, in a few minutes on a CPU."""

    out: Path = field(default=Path("quickstart"), metadata={"help": "Folder for everything."})
    backend: Choice = field(
        default=DEFAULT_BACKEND,
        converter=_choice,
        metadata={"help": "Framework: torch, tf, or a plugin's."},
    )
    epochs: int = field(default=36, validator=gt(0), metadata={"help": "Passes over the training split."})


def add_quickstart(app: App) -> None:
    """Adds the command."""
    add(app, "quickstart", QuickstartSettings, quickstart)


def quickstart(toolkit: Toolkit, settings: QuickstartSettings, terminal: Terminal) -> int:
    """Runs the commands one after another, saying each as it would be typed."""
    from ..application.tables import report_values
    from ..application.training.parts import training_backend

    training_backend(toolkit.registry, settings.backend)
    out = settings.out
    raw, data, run = out / "raw", out / "shapes", out / "run"

    terminal.say(f"$ segport generate shapes {raw} --num-images {IMAGES}")
    toolkit.generate(GenerateSettings(raw, num_images=IMAGES))
    terminal.say(f"$ segport prepare {raw} {data}")
    data_commands.show_info(toolkit.prepare(PrepareSettings(raw, data)).info, terminal)
    terminal.say(f"$ segport inspect {data} --augmented")
    sheet = toolkit.inspect(InspectSettings(data, augmented=True)).files
    flags = f"--epochs {settings.epochs} --validate-every 2 --batch {BATCH} --augment {AUGMENT} --run {run}"
    terminal.say(f"$ segport train {data} --backend {settings.backend} {flags}")
    training = SeedsSettings(
        data,
        run=run,
        backend=settings.backend,
        epochs=settings.epochs,
        batch=BATCH,
        augment=Choice(AUGMENT),
        validate_every=2,
    )
    training_commands.show_recipe(toolkit, training, terminal)
    with toolkit.listening(quiet=terminal.quiet) as (listen, stop):
        trained = toolkit.train(training.single(), listen=listen, stop=stop)
    training_commands.show_training(trained, terminal)
    terminal.say(f"$ segport evaluate {run}")
    report = toolkit.evaluate(EvaluateSettings(run))
    training_commands.show_evaluation(report, terminal)
    terminal.object(report_values(report))
    terminal.say(f"$ segport predict {run} {raw}/images --out {out}/predictions")
    predicted = toolkit.predict(PredictSettings(run, (str(raw / "images"),), out / "predictions"))
    terminal.wrote([*sheet, *report.files, predicted.out], then=f"open {report.files[-1]}")
    return 0
