"""How the application gets parts by the names users write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..augmentation.policy import AugmentationPolicy
from .backend import Backend
from .dataset import Reader
from .exporting import Exporter
from .loss import Loss
from .metric import Metric
from .model import Architecture, Encoder
from .tracking import Tracker

Options = Mapping[str, Any]


class Offered(Protocol):
    """What is known of a part before it is loaded."""

    @property
    def name(self) -> str:
        """What users write."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """What they may write instead."""
        ...

    @property
    def summary(self) -> str:
        """One line for listings."""
        ...

    @property
    def plugin(self) -> str:
        """Who offers it."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """Modules that must be importable."""
        ...

    @property
    def install(self) -> str:
        """The command that brings them, or ""."""
        ...

    @property
    def framework(self) -> str:
        """Of an architecture that is one framework's own code, the backend that runs it; else ""."""
        ...

    def missing(self) -> tuple[str, ...]:
        """The required modules that are not installed. Looks for them without importing them."""
        ...


class Catalogue(Protocol):
    """Parts by name.

    Every method raises UnknownNameError (with the nearest names) for an unknown name or option, InvalidSpecError for an
    option's value that cannot be, and BackendUnavailableError (with the command that mends it) where something must be
    installed first.
    """

    def names(self, kind: str) -> Sequence[str]:
        """Known names of a kind ("backend", "reader", "loss" ...), sorted, without aliases."""
        ...

    def offered(self, kind: str) -> Sequence[Offered]:
        """All parts of a kind, by name, whether or not they can be used here."""
        ...

    def faults(self) -> Mapping[str, str]:
        """Plugins that could not be used, with the reason."""
        ...

    def backend(self, name: str, options: Options | None = None) -> Backend:
        """A framework with its options: the same object for the same name and options."""
        ...

    def reader(self, name: str, options: Options | None = None) -> Reader:
        """A reader of a layout on disk, with its options."""
        ...

    def architecture(self, name: str, options: Options) -> Architecture:
        """An architecture with its options."""
        ...

    def encoder(self, name: str, options: Options) -> Encoder:
        """An encoder with its options."""
        ...

    def loss(self, name: str, options: Options) -> Loss:
        """A loss with its options."""
        ...

    def metric(self, name: str) -> Metric:
        """A metric."""
        ...

    def augmentation(self, name: str, options: Options) -> AugmentationPolicy:
        """A named policy with some of its fields changed."""
        ...

    def tracker(self, name: str, options: Options) -> Callable[[Path], Tracker]:
        """What opens a tracker with its options for the run in a folder. Raises before there is a run."""
        ...

    def exporter(self, name: str, options: Options) -> Exporter:
        """A writer of models in a format, with its options."""
        ...
