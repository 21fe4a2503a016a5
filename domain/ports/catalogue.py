"""How the application gets parts by the names users write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..augmentation.policy import AugmentationPolicy
from .backend import Backend
from .dataset import Reader
from .loss import Loss
from .metric import Metric
from .model import Architecture, Encoder
from .tracking import Tracker

Options = Mapping[str, Any]


class Catalogue(Protocol):
    """Parts by name.

    Every method raises UnknownNameError (with the nearest names) for an unknown name or option, InvalidSpecError for an
    option's value that cannot be, and BackendUnavailableError (with the command that mends it) where something must be
    installed first.
    """

    def names(self, kind: str) -> Sequence[str]:
        """Known names of a kind ("backend", "reader", "loss" ...), sorted, without aliases."""
        ...

    def backend(self, name: str) -> Backend:
        """A framework."""
        ...

    def reader(self, name: str) -> Reader:
        """A reader of a layout on disk."""
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

    def tracker(self, name: str, run: Path) -> Tracker:
        """A tracker for the run in that folder."""
        ...
