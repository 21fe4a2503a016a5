"""run-all: everything that a file asks for, one command after the other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from cyclopts import App

from ..application.settings import SeedsSettings
from . import data_commands, download_commands, training_commands
from .dispatch import add
from .download_bars import DownloadBars
from .terminal import Terminal, typed

if TYPE_CHECKING:
    from ..application.run_all.run_all import RunAllReport
    from ..application.run_all.steps import Plan, Step
    from ..bootstrap import Toolkit
    from ..domain.ports.downloading import Progress


@frozen
class RunAllSettings:
    """Do everything a TOML file asks for: get data, prepare, train, evaluate, predict, and show it on one page.

    Its tables are [generate] or [download], [prepare], [inspect], [train], [evaluate] and [predict], with the settings
    of these commands. Interrupted, the same command goes on where it was left.
    """

    config: Path = field(metadata={"help": "TOML file with a table for each command."})
    out: Path | None = field(default=None, metadata={"help": "Folder for everything; the file's own 'out' by default."})
    dry_run: bool = field(default=False, metadata={"help": "Only print the commands, as they would be typed."})


def register(app: App) -> None:
    """Adds the command."""
    add(app, "run-all", RunAllSettings, run_all)


def run_all(toolkit: Toolkit, settings: RunAllSettings, terminal: Terminal) -> int:
    """Plans, and does what is left of it."""
    values = toolkit.read_config(settings.config)
    plan = toolkit.run_all.plan(values, out=settings.out, where=str(settings.config))
    if settings.dry_run:
        for step in plan.steps:
            terminal.result(step.typed)
        terminal.object({"commands": [step.typed for step in plan.steps]})
        return 0
    report = perform(toolkit, plan, terminal)
    terminal.object(
        {
            "out": report.out,
            "page": report.page,
            "steps": {step.name: {"command": step.typed, **report.exhibits[step.name].values} for step in plan.steps},
        }
    )
    return 0


def perform(toolkit: Toolkit, plan: Plan, terminal: Terminal) -> RunAllReport:
    """Does what is left, saying each command as it would be typed, and what came of it."""
    from ..application.run_all.run_all import Hearing

    stage = _Stage(toolkit, terminal)
    with toolkit.listening(quiet=terminal.quiet) as (listen, stop), stage.open:
        hear = Hearing(stage.begun, stage.kept, stage.done, stage.count, listen, stage.fetched)
        report = toolkit.run_all(plan, hear=hear, stop=stop)
    terminal.wrote([report.page], then=typed("open", report.page))
    return report


@define
class _Stage:
    """What is shown while steps go on; ``open`` holds what must be closed when the current one ends."""

    toolkit: Toolkit
    terminal: Terminal
    open: ExitStack = field(factory=ExitStack)
    counting: str = ""
    bars: DownloadBars | None = None

    def begun(self, step: Step) -> None:
        self.terminal.say(f"$ {step.typed}")
        self.counting = step.name
        if isinstance(step.settings, SeedsSettings):
            training_commands.show_recipe(self.toolkit, step.settings, self.terminal)

    def kept(self, step: Step) -> None:
        self.terminal.say(f"$ {step.typed}\ndone before")

    def count(self, done: int, total: int) -> None:
        self.terminal.counter(self.counting)(done, total)

    def fetched(self, progress: Progress) -> None:
        if self.bars is None:
            self.bars = self.open.enter_context(DownloadBars(self.terminal))
        self.bars.listen(progress)

    def done(self, step: Step, report: object) -> None:
        self.open.close()
        show(report, self.terminal)


def show(report: object, terminal: Terminal) -> None:
    """What a command would print of its report."""
    from ..application.downloading.download import DownloadReport
    from ..application.evaluate import EvaluationReport
    from ..application.evaluate_seeds import SeedsEvaluation
    from ..application.predict import PredictReport
    from ..application.prepare_report import PrepareReport
    from ..application.training.seeds import SeedsReport
    from ..application.training.train import TrainReport

    match report:
        case DownloadReport():
            download_commands.show_download(report, terminal)
        case PrepareReport():
            data_commands.show_prepared(report, terminal)
        case TrainReport() | SeedsReport():
            training_commands.show_training(report, terminal)
        case EvaluationReport():
            training_commands.show_evaluation(report, terminal)
        case SeedsEvaluation():
            training_commands.show_seeds_evaluation(report, terminal)
        case PredictReport():
            training_commands.show_predictions(report, terminal)
