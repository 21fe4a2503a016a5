"""The service that does everything a file asks for, one command after the other, and shows it on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from ...domain.errors import CheckpointError, RunInterruptedError
from ...domain.ports.checkpoints import RunStore
from ...domain.ports.configuration import Documents, SettingsCodec
from ...domain.ports.downloading import Progress
from ...domain.ports.reporting import Reporter
from ..downloading.download import DownloadData
from ..evaluate import EvaluateModel
from ..evaluate_seeds import EvaluateSeeds
from ..inspection import InspectDataset
from ..listening import EventListener, FileListener, Stop, never, nobody
from ..predict import PredictMasks
from ..prepare import PrepareDataset
from ..settings import (
    DownloadSettings,
    EvaluateSettings,
    GenerateSettings,
    InspectSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
)
from ..training.seeds import TrainSeeds
from ..training.train import TrainModel
from .exhibits import Exhibit, exhibit
from .ledger import Ledger
from .page import write_index
from .planning import Planner
from .steps import Plan, Step


@frozen
class Hearing:
    """Who hears what: of steps as they begin, are kept as they were, or are done with a report; and their progress."""

    begun: Callable[[Step], None] = nobody
    kept: Callable[[Step], None] = nobody
    done: Callable[[Step, object], None] = nobody
    files: FileListener = nobody
    training: EventListener = nobody
    fetched: Callable[[Progress], None] = nobody


class Generate(Protocol):
    """Makes the shapes data set."""

    def __call__(self, settings: GenerateSettings, *, listen: FileListener) -> object:
        """Writes ``settings.out``; raises DataError."""
        ...


@frozen
class RunAllReport:
    """What each step has to show, by its name, and the page that shows it."""

    out: Path
    page: Path
    exhibits: Mapping[str, Exhibit]


@frozen
class RunAll:
    """Does the steps of a plan that are not done yet; embeddable, prints nothing."""

    codec: SettingsCodec
    documents: Documents
    planner: Planner
    runs: RunStore
    reporter: Reporter
    generate: Generate
    download: DownloadData
    prepare: PrepareDataset
    inspect: InspectDataset
    train: TrainModel
    train_seeds: TrainSeeds
    evaluate: EvaluateModel
    evaluate_seeds: EvaluateSeeds
    predict: PredictMasks

    def plan(self, values: Mapping[str, Any], *, out: Path | None = None, where: str = "the file") -> Plan:
        """The steps of a file's tables. Raises InvalidSpecError with everything that is wrong with any of them."""
        return self.planner(values, out, where)

    def __call__(self, plan: Plan, *, hear: Hearing = Hearing(), stop: Stop = never) -> RunAllReport:
        """Does what is left, and writes the page.

        A data set or run that is there is kept, training goes on where it was left, and what rests on something made
        anew is done again. Raises CheckpointError for a folder whose data or run were made otherwise, before anything
        is begun; RunInterruptedError when ``stop`` said so; and what the commands raise.
        """
        ledger = Ledger.read(plan.out, self.codec, self.documents)
        _check(plan, ledger)
        for step in plan.steps:
            try:
                ledger = self._step(step, plan, ledger, hear, stop)
            except RunInterruptedError as error:
                raise RunInterruptedError(error.message, fix="Repeat the command to continue from here.") from error
        exhibits = {step.name: ledger.entries[step.name].exhibit or Exhibit() for step in plan.steps}
        return RunAllReport(plan.out, write_index(plan, exhibits, self.reporter), exhibits)

    def _step(self, step: Step, plan: Plan, ledger: Ledger, hear: Hearing, stop: Stop) -> Ledger:
        if _is_done(step, plan, ledger):
            hear.kept(step)
            return ledger
        if stop():
            raise RunInterruptedError(f"Stopped before {step.name}.")
        ledger = ledger.begun(step)
        hear.begun(step)
        report = self._perform(step, hear, stop)
        ledger = ledger.finished(step, exhibit(report))
        hear.done(step, report)
        return ledger

    def _perform(self, step: Step, hear: Hearing, stop: Stop) -> object:
        """The command's report; None where the killed command before had come to its end but for a note of it."""
        match step.settings:
            case SeedsSettings() as settings:
                return self._train(settings, hear, stop)
            case _ if step.makes is not None and step.makes.exists():
                return None
            case GenerateSettings() as settings:
                return self.generate(settings, listen=hear.files)
            case DownloadSettings() as settings:
                return self.download(settings, listen=hear.fetched, stop=stop)
            case PrepareSettings() as settings:
                return self.prepare(settings, listen=hear.files)
            case InspectSettings() as settings:
                return self.inspect(settings, listen=hear.files)
            case EvaluateSettings() as settings:
                several = self.runs.seeds(settings.run) is not None
                return (self.evaluate_seeds if several else self.evaluate)(settings, listen=hear.files)
            case PredictSettings() as settings:
                return self.predict(settings, listen=hear.files)

    def _train(self, settings: SeedsSettings, hear: Hearing, stop: Stop) -> object:
        """Trains, or goes on."""
        assert settings.run is not None
        if self.runs.seeds(settings.run) is not None:
            return self.train_seeds.resume(settings.run, listen=hear.training, stop=stop)
        if self.runs.holds(settings.run):
            if self.train.finished(settings.run):
                self.train.require_trained_on(settings.data, settings.run)
                return None
            return self.train.resume(settings.run, listen=hear.training, stop=stop)
        if settings.seeds > 1:
            return self.train_seeds(settings, listen=hear.training, stop=stop)
        return self.train(settings.single(), listen=hear.training, stop=stop)


def _is_done(step: Step, plan: Plan, ledger: Ledger) -> bool:
    """Done with these very settings, and what came of it is there; a source may be gone once it is prepared."""
    entry = ledger.entries.get(step.name)
    if entry is None or entry.exhibit is None or entry.settings != ledger.asked(step):
        return False
    if step.makes is None:
        return entry.exhibit.whole
    source = isinstance(step.settings, GenerateSettings | DownloadSettings)
    prepared = [other.makes for other in plan.steps if source and isinstance(other.settings, PrepareSettings)]
    return any(path.exists() for path in (step.makes, *prepared) if path is not None)


def _check(plan: Plan, ledger: Ledger) -> None:
    problems = []
    for step in plan.steps:
        if step.makes is None or not step.makes.exists():
            continue
        entry, asked = ledger.entries.get(step.name), ledger.asked(step)
        if entry is None:
            problems.append(f"[{step.name}] {step.makes} is there already, and was made by somebody else")
        elif entry.settings != asked:
            names = [name for name in {**asked, **entry.settings} if asked.get(name) != entry.settings.get(name)]
            changes = (f"{name} = {_said(asked, name)}, was {_said(entry.settings, name)}" for name in names)
            problems.append(f"[{step.name}] {step.makes} was made with other settings: {'; '.join(changes)}")
    if problems:
        raise CheckpointError(
            f"{plan.out} holds what would not be made so now.",
            problems=problems,
            fix="Delete what is named, to have it made anew, or choose another folder for everything with --out.",
        )


def _said(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name, "the default"))
