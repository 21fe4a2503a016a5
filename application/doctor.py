"""The service that looks at the installation: what is here, which backends work, and what mends those that don't."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from enum import StrEnum

from attrs import evolve, field, frozen

from ..domain.errors import BackendUnavailableError, PluginError, SegportError, in_one_line
from ..domain.ports.backend import Backend, Capability, DeviceInfo, WithFacts
from ..domain.ports.catalogue import Catalogue, Offered
from ..domain.ports.system import System
from .listening import nobody


class State(StrEnum):
    """Whether a backend can be used here."""

    USABLE = "usable"
    MISSING = "not installed"
    BROKEN = "broken"


@frozen(eq=False)
class BackendReport:
    """What was found out about one backend.

    Attributes:
        packages: the installed packages that it requires, version by name.
        problem, fix: why it cannot be used, and what mends that; empty where it can.
        devices: best first, each with the precision that ``auto`` chooses there and the reason.
        facts: what the backend says of itself.
        warnings: what was warned of while it was loaded.
    """

    name: str
    summary: str
    plugin: str
    state: State = State.USABLE
    packages: Mapping[str, str] = field(factory=dict)
    problem: str = ""
    fix: str = ""
    devices: tuple[DeviceInfo, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    facts: Mapping[str, str] = field(factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether models can be trained with it here."""
        return Capability.TRAINING in self.capabilities


@frozen(eq=False)
class Diagnosis:
    """The installation. ``faults`` are plugins that could not be used, with the reason."""

    system: Mapping[str, str]
    packages: Mapping[str, str]
    variables: Mapping[str, str]
    faults: Mapping[str, str]
    backends: tuple[BackendReport, ...]

    def require_training(self) -> None:
        """Raises BackendUnavailableError, with the ways to mend it, where no backend can train."""
        if any(backend.trains for backend in self.backends):
            return
        fixes = [f"{backend.name}: {backend.fix}" for backend in self.backends if backend.fix]
        raise BackendUnavailableError(
            "No backend can train here." + (" How to fix it:" if fixes else ""), problems=fixes
        )


@frozen
class Doctor:
    """Loads every backend that is installed, one after another, and says what came of it."""

    catalogue: Catalogue
    system: System

    def __call__(self, *, listen: Callable[[str], None] = nobody) -> Diagnosis:
        """Raises PluginError where two plugins offer one name.

        ``listen`` hears each backend's name before it is loaded, so that something is seen where a framework takes the
        whole process down.
        """
        return Diagnosis(
            system=self.system.facts(),
            packages=self.system.core(),
            variables=self.system.variables(),
            faults=self.catalogue.faults(),
            backends=tuple(self._examine(offered, listen) for offered in self.catalogue.offered("backend")),
        )

    def _examine(self, offered: Offered, listen: Callable[[str], None]) -> BackendReport:
        install = f"Install it with: {offered.install}" if offered.install else ""
        report = BackendReport(offered.name, offered.summary, offered.plugin)
        missing = offered.missing()
        if missing:
            return evolve(report, state=State.MISSING, problem=f"needs {', '.join(missing)}", fix=install)
        listen(offered.name)
        report = evolve(report, packages=self.system.packages(offered.requires))
        with warnings.catch_warnings(record=True, action="default", category=UserWarning) as caught:
            try:
                report = _asked(report, self.catalogue.backend(offered.name))
            except PluginError as error:
                fix = f"Install it anew: pip install --force-reinstall {' '.join(report.packages)}"
                report = _broken(report, error.message, fix if report.packages else install)
            except SegportError as error:
                report = _broken(report, error.message, error.fix)
            except Exception as error:  # noqa: BLE001 - a damaged framework may raise anything
                report = _broken(report, in_one_line(error), "")
        return evolve(report, warnings=tuple(str(warning.message) for warning in caught))


def _asked(report: BackendReport, backend: Backend) -> BackendReport:
    return evolve(
        report,
        devices=tuple(backend.devices()),
        capabilities=tuple(sorted(backend.capabilities)),
        facts=backend.facts() if isinstance(backend, WithFacts) else {},
    )


def _broken(report: BackendReport, problem: str, fix: str) -> BackendReport:
    return evolve(report, state=State.BROKEN, problem=problem, fix=fix)
