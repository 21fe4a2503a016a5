"""plugins check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..domain.errors import DataError
from .dispatch import begin
from .plugin_info import origin
from .terminal import Terminal

if TYPE_CHECKING:
    from ..plugins.conformance import Outcome
    from ..plugins.conformance.kit import PartCase

FAILED = 4
"""Exit code where a check failed, as for a plugin that cannot be used."""


@frozen
class CheckSettings:
    """Put parts to the conformance kit: what goes by a name, or all that a plugin offers."""

    name: str = field(metadata={"help": "Part or plugin, e.g. focal or torch; kind:name for one of them, loss:dice."})
    data: Path | None = field(
        default=None, metadata={"help": "Of readers: a folder in their layout. It is read, not written to."}
    )


def check(given: dict[str, Any]) -> int:
    """Runs the kit; 4 where a check failed, or none could be made."""
    from ..plugins.conformance import checks_of

    terminal, toolkit = begin(given)
    settings = toolkit.codec.from_values(CheckSettings, given, where="segport plugins check")
    if settings.data and not settings.data.is_dir():
        raise DataError(f"--data {settings.data}: there is no such folder.")
    cases = checks_of(settings.name, settings.data, toolkit.registry)
    parts = [
        {"kind": entry.kind.value, "name": entry.name, "plugin": entry.plugin, **_run(terminal, of_part)}
        for entry, of_part in groupby(cases, key=lambda case: case.entry)
    ]
    passed = all(part["passed"] for part in parts)
    terminal.object({"passed": passed, "parts": parts})
    return 0 if passed else FAILED


def _run(terminal: Terminal, cases: Iterable[PartCase]) -> dict[str, Any]:
    """The checks of one part, each told as it ends. One that is not installed has not passed."""
    from ..plugins.conformance import Report

    first, *rest = cases
    terminal.say(f"{first.part}, from {origin(first.entry)}")
    outcomes = list(_told(terminal, (case.outcome() for case in (first, *rest))))
    report = Report(first.part, tuple(outcomes))
    lacking = first.entry.missing()
    terminal.result(report.total + (f"; {', '.join(lacking)} must be installed" if lacking else "") + "\n")
    checks = [{"check": o.sentence, "state": o.state, "note": o.note} for o in outcomes]
    return {"passed": report.passed and not lacking, "checks": checks}


def _told(terminal: Terminal, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Each in a line; in one those that follow each other and lack the same."""
    lacking, said = 0, ""
    for outcome in outcomes:
        if outcome.skipped and outcome.note == said:
            lacking += 1
        else:
            _more(terminal, lacking)
            (terminal.result if outcome.problem else terminal.say)(f"  {outcome}")
            lacking, said = 0, outcome.note if outcome.skipped else ""
        yield outcome
    _more(terminal, lacking)


def _more(terminal: Terminal, lacking: int) -> None:
    if lacking:
        terminal.say(f"  skipped   {lacking} more: likewise")
