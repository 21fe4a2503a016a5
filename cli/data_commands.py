"""generate, prepare, inspect, score."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cyclopts import App

from ..application.settings import GenerateSettings, InspectSettings, PrepareSettings, ScoreSettings
from ..domain.listing import counted, cut
from .dispatch import add
from .terminal import Terminal, typed

if TYPE_CHECKING:
    from ..application.prepare_report import PrepareReport
    from ..bootstrap import Toolkit
    from ..domain.description import DatasetInfo


def register(app: App) -> None:
    """Adds the four commands."""
    add(app, "generate", GenerateSettings, generate, word="shapes")
    add(app, "prepare", PrepareSettings, prepare)
    add(app, "inspect", InspectSettings, inspect)
    add(app, "score", ScoreSettings, score)


def generate(toolkit: Toolkit, settings: GenerateSettings, terminal: Terminal) -> int:
    """Makes the shapes data set."""
    toolkit.generate(settings, listen=terminal.counter("drawn"))
    terminal.result(f"{counted(settings.num_images, 'image')} of {settings.height}x{settings.width}")
    terminal.wrote([settings.out], then=typed("segport", "prepare", settings.out, f"{settings.out}-prepared"))
    terminal.object({"out": settings.out, "images": settings.num_images})
    return 0


def prepare(toolkit: Toolkit, settings: PrepareSettings, terminal: Terminal) -> int:
    """Checks and writes a data set, and says what it found."""
    report = toolkit.prepare(settings, listen=terminal.counter("checked"))
    show_prepared(report, terminal)
    _lead_to_training(report.out, report.info, [report.out], terminal)
    terminal.object({"out": report.out, **_values(report.info), "left_out": list(report.left_out)})
    return 0


def show_prepared(report: PrepareReport, terminal: Terminal) -> None:
    """What was found out, what is in the data set, and what is not."""
    for decision in report.decisions:
        terminal.say(decision)
    show_info(report.info, terminal)
    for left in report.left_out:
        terminal.result(f"left out: {left}")


def inspect(toolkit: Toolkit, settings: InspectSettings, terminal: Terminal) -> int:
    """Prints statistics and draws the contact sheet."""
    from ..application.tables import frequency_table

    report = toolkit.inspect(settings, listen=terminal.counter("counted"))
    show_info(report.info, terminal)
    terminal.table(frequency_table(report.counts, report.info.task.unit))
    _lead_to_training(settings.data, report.info, report.files, terminal)
    counts = {
        split: {name: attrs.asdict(count) for name, count in classes.items()}
        for split, classes in report.counts.items()
    }
    terminal.object({**_values(report.info), "counts": counts, "files": list(map(str, report.files))})
    return 0


def show_info(info: DatasetInfo, terminal: Terminal) -> None:
    """A data set in a few lines and a table."""
    from ..application.tables import info_table

    sizes = ", ".join(f"{name} {count}" for name, count in info.split_sizes.items())
    terminal.result(f"{info.name}: {info.task.value}, {counted(info.channels, 'channel')}, {sizes}")
    terminal.result(f"height {_spread(info.height)}, width {_spread(info.width)} (least, median, largest)")
    terminal.table(info_table(info))
    for warning in info.warnings:
        terminal.result(f"warning: {warning}")


def _lead_to_training(data: Path, info: DatasetInfo, files: Iterable[Path], terminal: Terminal) -> None:
    """Ends a command on a data set: ``files`` were written, and what it takes to train on it."""
    trainable = "val" in info.split_sizes
    terminal.wrote(files, then=typed("segport", "train", data) if trainable else "")
    if not trainable:
        terminal.say("training needs a val split: prepare with --split 0.8,0.2")


def _values(info: DatasetInfo) -> dict[str, object]:
    return {**attrs.asdict(info), "task": info.task.value}


def _spread(values: tuple[int, int, int]) -> str:
    return " / ".join(map(str, values))


def score(toolkit: Toolkit, settings: ScoreSettings, terminal: Terminal) -> int:
    """Scores masks against masks."""
    from ..application.score import as_values
    from ..application.tables import class_table, interval_lines, value_table

    report = toolkit.score(settings, listen=terminal.counter("scored"))
    terminal.result(counted(len(report.keys), "mask"))
    for line in cut([f"not scored, no true mask: {path}" for path in report.extra]):
        terminal.result(line)
    for warning in report.warnings:
        terminal.result(f"warning: {warning}")
    terminal.table(class_table(report.rows))
    terminal.table(value_table("metric", report.scores))
    if report.definitions:
        terminal.table(value_table("what others would print", report.definitions))
    for line in interval_lines(report.intervals):
        terminal.result(line)
    terminal.wrote(report.files)
    terminal.object(as_values(report))
    return 0
