"""Which checks a part must pass: one generator, for the command line and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from ...domain.errors import BackendUnavailableError, PluginError
from ...domain.losses.tensor_ops import AnyOps
from ...domain.ports.backend import Backend, Capability, WithOperations
from ..details import called
from ..entries import Entry, Kind
from ..registry import Registry
from . import augmentation_checks as augmentation
from . import entry_checks as entries
from . import exporter_checks as exporter
from . import graph_checks as graph
from . import loss_checks as loss
from . import metric_checks as metric
from . import native_checks as native
from . import reader_checks as reader
from . import tracker_checks as tracker
from .case import Case
from .reader_checks import Data
from .runner import CHECKS, Check
from .subject import Subject

_REFERENCE = "reference"
"""The backend that is right by definition: the kit's oracle."""


@frozen(eq=False)
class PartCase(Case):
    """One check on a part that a plugin offers."""

    entry: Entry


def checks_of(name: str, data: Data | None = None, registry: Registry | None = None) -> list[PartCase]:
    """Every check of everything that goes by a name.

    Args:
        name: of a plugin or a part, see ``details.called``.
        data: for readers, a folder in their layout, or a function that writes one into an empty folder.
        registry: where to look; the installed plugins by default.

    Raises UnknownNameError for a name nobody offers, PluginError for a plugin that is broken.
    """
    registry = registry or Registry()
    return [case for entry in called(registry, name) for case in cases(registry, entry, data)]


def cases(registry: Registry, entry: Entry, data: Data | None = None) -> Iterator[PartCase]:
    """Every check of one part. They share what they are made on, which is made when the first of them runs."""
    checks = native.CHECKS if entry.framework else CHECKS_OF[entry.kind]
    names = frozenset(check.__name__ for check in (*entries.CHECKS, *checks))
    whole = _Bench(registry, data)
    offered = entries.EntrySubject(entry, lambda: whole.part(entry), names)
    yield from (_case(entry, check, lambda: offered) for check in entries.CHECKS)
    subject = cache(lambda: whole.subject(entries.usable(entry)))
    yield from (_case(entry, check, subject) for check in checks)


def _case(entry: Entry, check: Check, subject: Callable[[], Any]) -> PartCase:
    expected = entry.known_failures.get(check.__name__, "")
    return PartCase(f"{entry.kind.value} {entry.name}", check, subject, expected, entry)


CHECKS_OF: Mapping[Kind, tuple[Check, ...]] = {
    Kind.BACKEND: CHECKS,
    Kind.READER: reader.CHECKS,
    Kind.ARCHITECTURE: graph.ARCHITECTURE_CHECKS,
    Kind.ENCODER: graph.ENCODER_CHECKS,
    Kind.LOSS: loss.CHECKS,
    Kind.METRIC: metric.CHECKS,
    Kind.AUGMENTATION: augmentation.CHECKS,
    Kind.TRACKER: tracker.CHECKS,
    Kind.EXPORTER: exporter.CHECKS,
}
"""What a part of each kind must do, beside what every part must."""


@frozen
class _Bench:
    """Where parts are made, and what they are checked with."""

    registry: Registry
    data: Data | None

    def part(self, entry: Entry) -> Any:
        """One made without options; of a tracker, what opens it."""
        if entry.kind is Kind.TRACKER:
            return self.registry.tracker(entry.name, {})
        if entry.kind is Kind.BACKEND:
            return self.registry.backend(entry.name)
        return self.registry.make(entry.kind, entry.name, {})

    def subject(self, entry: Entry) -> Any:
        """What checks of that kind are made on."""
        part = self.part(entry)
        if entry.framework:
            backend = self.registry.backend(entry.framework)
            others = tuple(other for other in self.backends() if other.name != entry.framework)
            return native.NativeSubject(part, entry.framework, backend, others)
        match entry.kind:
            case Kind.BACKEND:
                return Subject(part, self.reference.build)
            case Kind.READER:
                return reader.ReaderSubject(part, self.data)
            case Kind.ARCHITECTURE:
                return graph.ArchitectureSubject(part, self.reference.build)
            case Kind.ENCODER:
                return graph.EncoderSubject(part, self.reference.build)
            case Kind.LOSS:
                return loss.LossSubject(part, self.operations, self.training)
            case Kind.METRIC:
                return metric.MetricSubject(part)
            case Kind.AUGMENTATION:
                return augmentation.PolicySubject(lambda **options: self.registry.augmentation(entry.name, options))
            case Kind.TRACKER:
                return tracker.TrackerSubject(part)
            case Kind.EXPORTER:
                return exporter.ExporterSubject(part, lambda: self.registry.backend(part.backend))

    @property
    def reference(self) -> Backend:
        """The oracle."""
        return self.registry.backend(_REFERENCE)

    @property
    def operations(self) -> AnyOps:
        """Its operation table."""
        assert isinstance(self.reference, WithOperations)
        return self.reference.operations

    def training(self) -> list[Backend]:
        """The backends that can train here."""
        return [backend for backend in self.backends() if Capability.TRAINING in backend.capabilities]

    def backends(self) -> list[Backend]:
        """Those that are here."""
        found = []
        for entry in self.registry.offered(Kind.BACKEND.value):
            try:
                backend = self.registry.backend(entry.name)
            except (BackendUnavailableError, PluginError):
                continue
            found.append(backend)
        return found
