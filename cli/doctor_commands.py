"""doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import attrs
from attrs import frozen
from cyclopts import App

from .dispatch import add
from .terminal import Terminal

if TYPE_CHECKING:
    from ..application.doctor import BackendReport, Diagnosis
    from ..bootstrap import Toolkit

Fields = Iterator[tuple[str, str]]


@frozen
class DoctorSettings:
    """Show what is installed here, which backends and devices work, and how to fix those that do not.

    Exit code 4 when no backend can train.
    """


def register(app: App) -> None:
    """Adds the command."""
    add(app, "doctor", DoctorSettings, doctor)


def doctor(toolkit: Toolkit, settings: DoctorSettings, terminal: Terminal) -> int:
    """Prints the diagnosis; raises BackendUnavailableError after it when no backend can train."""
    found = toolkit.doctor(listen=lambda name: terminal.say(f"loading {name}"))
    _block("\nsystem", _machine(found), terminal)
    for backend in found.backends:
        _block(f"\n{backend.name}: {backend.state.value}", _backend(backend), terminal)
    for plugin, reason in found.faults.items():
        terminal.result(f"\nbroken plugin {plugin}: {reason}")
    terminal.object(attrs.asdict(found))
    found.require_training()
    return 0


def _block(title: str, fields: Fields, terminal: Terminal) -> None:
    terminal.result(title)
    for name, text in fields:
        terminal.result(f"  {name:13} {text}")


def _machine(found: Diagnosis) -> Fields:
    yield from found.system.items()
    yield "packages", _listed(found.packages, " ")
    yield "environment", _listed(found.variables, "=") or "nothing set that changes how frameworks run"


def _backend(report: BackendReport) -> Fields:
    yield "what", f"{report.summary} (plugin {report.plugin})"
    if report.packages:
        yield "packages", _listed(report.packages, " ")
    if report.problem:
        yield "problem", report.problem
    if report.fix:
        yield "mend", report.fix
    for device in report.devices:
        yield f"device {device.name}", f"{device.summary}; precision auto is {device.precision.value}: {device.reason}"
    if report.capabilities:
        yield "capabilities", ", ".join(report.capabilities)
    yield from report.facts.items()
    for warning in report.warnings:
        yield "warning", warning


def _listed(values: Mapping[str, str], between: str) -> str:
    return ", ".join(f"{name}{between}{value}" for name, value in values.items())
