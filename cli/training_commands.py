"""train, evaluate, predict."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from cyclopts import App

from ..application.settings import EvaluateSettings, PredictSettings, SeedsSettings
from ..domain.errors import SegportError
from ..domain.listing import counted
from .dispatch import add, begin
from .flags import command
from .terminal import Terminal, typed

if TYPE_CHECKING:
    from ..application.evaluate import EvaluationReport
    from ..application.evaluate_seeds import SeedsEvaluation
    from ..application.predict import PredictReport
    from ..application.training.seeds import SeedsReport
    from ..application.training.train import TrainReport
    from ..bootstrap import Toolkit

TRAIN_EXTRAS = {
    "config": "TOML file with any of these settings; a flag wins over it.",
    "resume": "Run, or folder made by --seeds, to continue exactly where it stopped; it takes only flags of Compute.",
}


def register(app: App) -> None:
    """Adds the three commands."""
    app.command(command(SeedsSettings, _train, extras=TRAIN_EXTRAS), name="train")
    add(app, "evaluate", EvaluateSettings, evaluate)
    add(app, "predict", PredictSettings, predict)


def _train(given: dict[str, Any]) -> int:
    resume = given.pop("resume", None)
    terminal, toolkit = begin(given)
    if resume is not None:
        return _resume(toolkit, Path(resume), given, terminal)
    config = given.pop("config", None)
    values = {**toolkit.read_config(Path(config), "train"), **given} if config else given
    where = f"{config} and flags" if config and given else config or "segport train"
    return train(toolkit, toolkit.codec.from_values(SeedsSettings, values, where=where), terminal)


def train(toolkit: Toolkit, settings: SeedsSettings, terminal: Terminal) -> int:
    """Says what it chose and why, trains once or with every seed, and says how it went."""
    show_recipe(toolkit, settings, terminal)
    with toolkit.listening(quiet=terminal.quiet) as (listen, stop):
        if settings.seeds > 1:
            return _done(toolkit, toolkit.train_seeds(settings, listen=listen, stop=stop), terminal)
        return _done(toolkit, toolkit.train(settings.single(), listen=listen, stop=stop), terminal)


def _resume(toolkit: Toolkit, run: Path, compute: Mapping[str, Any], terminal: Terminal) -> int:
    """Goes on with a run, or with those of several seeds, computed in another way if asked."""
    with toolkit.listening(quiet=terminal.quiet) as (listen, stop):
        if toolkit.runs.seeds(run) is not None:
            return _done(toolkit, toolkit.train_seeds.resume(run, listen=listen, stop=stop, **compute), terminal)
        return _done(toolkit, toolkit.train.resume(run, listen=listen, stop=stop, **compute), terminal)


def show_recipe(toolkit: Toolkit, settings: SeedsSettings, terminal: Terminal) -> None:
    """What is derived from the data, and why. Raises as a run would."""
    if settings.encoder_weights == "imagenet":
        terminal.say("weights of ImageNet: from the cache, or fetched now")
    recipe = toolkit.train.plan(settings.single())
    chosen = toolkit.codec.to_values(recipe.settings)
    for name, reason in recipe.reasons.items():
        terminal.say(f"{name} = {chosen[name]}: {reason}")


def _done(toolkit: Toolkit, report: TrainReport | SeedsReport, terminal: Terminal) -> int:
    show_training(report, terminal)
    split = [] if "test" in _splits(toolkit, report.run) else ["--split", "val"]
    terminal.wrote([report.run, report.curves], then=typed("segport", "evaluate", report.run, *split))
    terminal.object(attrs.asdict(report))
    return 0


def _splits(toolkit: Toolkit, run: Path) -> Collection[str]:
    """Of the data set that a run, or those of several seeds, were trained on."""
    group = toolkit.runs.seeds(run)
    configuration = toolkit.runs.open(run).configuration() if group is None else group.configuration
    try:
        return toolkit.datasets.open(Path(configuration["train"]["data"])).splits
    except SegportError:
        # the training is done, and went well: what became of its data since must not make it fail
        return ("test",)


def show_training(report: TrainReport | SeedsReport, terminal: Terminal) -> None:
    """How a run ended, or how those of several seeds did."""
    from ..application.training.train import TrainReport

    if isinstance(report, TrainReport):
        where = f"{report.reason}, {report.seconds:.0f} s on {report.backend}, {report.device}, {report.precision}"
        told = (
            f"best validation {report.monitor} {report.best_score:.4f} in epoch {report.best_epoch} of {report.epochs}"
        )
        if not report.best_epoch:
            told = f"no epoch of {report.epochs} has a validation {report.monitor}: there is no best checkpoint"
        terminal.result(f"{told} ({where})")
    else:
        show_seeds(report, terminal)


def show_seeds(report: SeedsReport, terminal: Terminal) -> None:
    """A table of the seeds, and their spread."""
    from ..application.seed_tables import seeds_table, shown_spread

    terminal.table(seeds_table(report))
    terminal.result(f"best validation {report.monitor} {shown_spread(report.best)}: mean, standard deviation")


def evaluate(toolkit: Toolkit, settings: EvaluateSettings, terminal: Terminal) -> int:
    """Scores a run, or those of several seeds, and prints the tables."""
    from ..application.seed_tables import evaluation_values
    from ..application.tables import report_values

    if toolkit.runs.seeds(settings.run) is not None:
        summary = toolkit.evaluate_seeds(settings, listen=terminal.counter("evaluated"))
        show_seeds_evaluation(summary, terminal)
        terminal.wrote(summary.files)
        terminal.object(evaluation_values(summary))
        return 0
    report = toolkit.evaluate(settings, listen=terminal.counter("evaluated"))
    show_evaluation(report, terminal)
    terminal.wrote(report.files, then=typed("segport", "predict", settings.run, "IMAGES", "--out", "predictions"))
    terminal.object(report_values(report))
    return 0


def show_seeds_evaluation(summary: SeedsEvaluation, terminal: Terminal) -> None:
    """The tables of several seeds' evaluation."""
    from ..application.seed_tables import SD, evaluation_tables

    terminal.result(f"{summary.run}, split {summary.split}: {counted(len(summary.reports), 'seed')}; {SD}")
    for table in evaluation_tables(summary):
        terminal.table(table)


def show_evaluation(report: EvaluationReport, terminal: Terminal) -> None:
    """The tables of an evaluation."""
    from ..application.tables import calibration_table, class_table, interval_lines, value_table

    where = ", native resolution" if report.unit == "pixels" else ""
    terminal.result(f"{report.run}, split {report.split}: {counted(len(report.keys), 'image')}{where}")
    terminal.table(class_table(report.rows))
    terminal.table(value_table("metric", report.scores))
    for line in interval_lines(report.intervals):
        terminal.result(line)
    if report.at_training_size:
        terminal.table(value_table("metric, at training size", report.at_training_size))
    if report.definitions:
        terminal.table(value_table("what others would print", report.definitions))
    if report.calibration is not None:
        terminal.table(calibration_table(report.calibration.rows(report.classes.names), report.unit))
    terminal.say(f"each number's definition: {report.files[-1]}")


def predict(toolkit: Toolkit, settings: PredictSettings, terminal: Terminal) -> int:
    """Writes masks and says where."""
    report = toolkit.predict(settings, listen=terminal.counter("predicted"))
    show_predictions(report, terminal)
    if report.table:
        terminal.wrote([report.table])
    else:
        overlapping = ["--overlapping"] if report.planes else []
        command = typed("segport", "score", report.planes or settings.out, "TRUE_MASKS", *overlapping)
        terminal.wrote([settings.out], then=f"{command}, where you have them")
    terminal.object(attrs.asdict(report))
    return 0


def show_predictions(report: PredictReport, terminal: Terminal) -> None:
    """How many, and how long it took."""
    per_second = len(report.images) / report.seconds if report.seconds else float("nan")
    what = f"{counted(len(report.images), 'image')} named" if report.table else counted(len(report.masks), "mask")
    terminal.result(f"{what} in {report.seconds:.1f} s ({per_second:.1f} images/s, {report.device})")
