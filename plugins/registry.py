"""Parts by name, over what the plugins offer: the catalogue the application asks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..domain.choices import Choice
from ..domain.errors import (
    BackendUnavailableError,
    InvalidSpecError,
    PluginError,
    SegportError,
    UnknownNameError,
    in_one_line,
)
from .entries import Entry, Kind
from .manager import Broken, Offer, installed

if TYPE_CHECKING:
    from ..domain.augmentation.policy import AugmentationPolicy
    from ..domain.ports.backend import Backend
    from ..domain.ports.catalogue import Options
    from ..domain.ports.dataset import Reader
    from ..domain.ports.exporting import Exporter
    from ..domain.ports.loss import Loss
    from ..domain.ports.metric import Metric
    from ..domain.ports.model import Architecture, Encoder
    from ..domain.ports.tracking import Tracker


def loaded(entry: Entry) -> Callable[..., object]:
    """The factory of a part. Raises PluginError, naming the plugin, for whatever keeps it from being imported."""
    try:
        return entry.load()
    except SegportError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The {entry.kind.value} {entry.name!r} of plugin {entry.plugin!r} could not be loaded: "
            f"{in_one_line(error)}",
            fix="`segport doctor` shows what is installed, and how to fix it.",
        ) from error


class Registry:
    """Implements ``Catalogue``. Plugins are looked for on first use; parts are loaded when asked for.

    Args:
        find: gives the offer; by default the installed plugins', but for those that the environment blocks.
    """

    def __init__(self, find: Callable[[], Offer] = installed) -> None:
        self._find = find
        self._backends: dict[str, Backend] = {}

    @cached_property
    def _offer(self) -> Offer:
        return self._find()

    @cached_property
    def _table(self) -> Mapping[tuple[Kind, str], Entry]:
        table: dict[tuple[Kind, str], Entry] = {}
        clashes, clashing = [], []
        for entry in self._offer.entries:
            for name in (entry.name, *entry.aliases):
                other = table.setdefault((entry.kind, name), entry)
                if other is not entry:
                    clashes.append(f"{entry.kind.value} {name!r}: from {other.plugin!r} and from {entry.plugin!r}")
                    clashing.append(entry.plugin)
        if clashes:
            raise PluginError(
                "Two plugins offer the same name.",
                problems=clashes,
                fix=f"Uninstall one, or block it by name: SEGPORT_DISABLE_PLUGINS={clashing[-1]}.",
            )
        return table

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that is offered, in order of kind and name."""
        order = list(Kind)
        return tuple(sorted(set(self._table.values()), key=lambda e: (order.index(e.kind), e.name)))

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Plugins that could not be used, with reasons."""
        return self._offer.broken

    def names(self, kind: str) -> Sequence[str]:
        """Known names of a kind, sorted, without aliases."""
        return [e.name for e in self.offered(kind)]

    def offered(self, kind: str) -> Sequence[Entry]:
        """The descriptors of a kind, sorted by name."""
        return [e for e in self.entries if e.kind.value == kind]

    def faults(self) -> Mapping[str, str]:
        """Plugins that could not be used: reason by name."""
        return {b.plugin: b.reason for b in self.broken}

    def entry(self, kind: Kind, name: str) -> Entry:
        """The descriptor. Raises UnknownNameError with the nearest names."""
        try:
            return self._table[kind, name]
        except KeyError:
            known = [n for k, n in self._table if k is kind]
            error = UnknownNameError.of(kind.value, name, known)
            if self.broken:
                reasons = tuple(f"plugin {b.plugin!r} could not be loaded: {b.reason}" for b in self.broken)
                error = UnknownNameError(error.message, problems=reasons, fix=error.fix)
            raise error from None

    def make(self, kind: Kind, name: str, options: Options) -> object:
        """Loads the part and makes it with its options."""
        return self._factory(kind, name, options)()

    def _factory(self, kind: Kind, name: str, options: Options, *, given: str = "") -> Callable[..., object]:
        """Loads the part, and checks the names of its options: what is left to do makes it.

        ``given`` names an argument that is no option: whoever makes the part adds it.
        """
        entry = self.entry(kind, name)
        missing = entry.missing()
        if missing:
            raise BackendUnavailableError(
                f"The {kind.value} {entry.name!r} needs {', '.join(missing)}, which is not installed.",
                fix=self._instead_of(entry),
            )
        factory = loaded(entry)
        self._check_options(entry, factory, options, given)

        def make(**more: object) -> object:
            try:
                return factory(**options, **more)
            except SegportError:
                raise
            except (TypeError, ValueError) as error:
                raise InvalidSpecError(f"Options of {kind.value} {name!r} ({dict(options)}): {error}") from error

        return make

    def _instead_of(self, missing: Entry) -> str:
        """What to do about a part that is not installed: install it, or use what another framework brings."""
        ways = [f"Install it with: {missing.install}"] if missing.install else []
        if missing.kind is Kind.BACKEND:
            here = [e.name for e in self.offered(Kind.BACKEND) if e.requires and not e.missing()]
            ways += [f"Installed here: {', '.join(f'--backend {name}' for name in here)}"] if here else []
        return "\n".join(ways)

    @staticmethod
    def _check_options(entry: Entry, factory: Callable[..., object], options: Options, given: str) -> None:
        parameters = inspect.signature(factory).parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            return
        known = [name for name in parameters if name != given]
        for option in options:
            if option not in known:
                raise UnknownNameError.of(f"option of {entry.kind.value} {entry.name!r}:", option, known)

    def backend(self, name: str, options: Options | None = None) -> Backend:
        """The backend of that name or alias; one object for the same options, so that start-up work is done once."""
        key = str(Choice(self.entry(Kind.BACKEND, name).name, options or {}))
        if key not in self._backends:
            factory = self._factory(Kind.BACKEND, name, options or {}, given="architectures")
            takes = "architectures" in inspect.signature(loaded(self.entry(Kind.BACKEND, name))).parameters
            made = factory(architectures=self.architecture) if takes else factory()
            self._backends[key] = cast("Backend", made)
        return self._backends[key]

    def reader(self, name: str, options: Options | None = None) -> Reader:
        """A reader of a layout on disk, with its options."""
        return cast("Reader", self.make(Kind.READER, name, options or {}))

    def architecture(self, name: str, options: Options) -> Architecture:
        """An architecture with its options."""
        return cast("Architecture", self.make(Kind.ARCHITECTURE, name, options))

    def encoder(self, name: str, options: Options) -> Encoder:
        """An encoder with its options."""
        return cast("Encoder", self.make(Kind.ENCODER, name, options))

    def loss(self, name: str, options: Options) -> Loss:
        """A loss with its options."""
        return cast("Loss", self.make(Kind.LOSS, name, options))

    def metric(self, name: str) -> Metric:
        """A metric."""
        return cast("Metric", self.make(Kind.METRIC, name, {}))

    def augmentation(self, name: str, options: Options) -> AugmentationPolicy:
        """A named augmentation policy, with some of its fields changed."""
        return cast("AugmentationPolicy", self.make(Kind.AUGMENTATION, name, options))

    def tracker(self, name: str, options: Options) -> Callable[[Path], Tracker]:
        """What opens a tracker with its options for the run in a folder."""
        factory = self._factory(Kind.TRACKER, name, options, given="run")
        return lambda run: cast("Tracker", factory(run=run))

    def exporter(self, name: str, options: Options) -> Exporter:
        """A writer of models in a format, with its options."""
        return cast("Exporter", self.make(Kind.EXPORTER, name, options))
