"""The parts that are pure formulas: architectures, encoders, losses, metrics, augmentation policies.

Adapters offer theirs in their own ``plugin.py``, by the same hooks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import attrs

from . import Entries, Entry, Kind, hookimpl


@hookimpl
def segport_architectures() -> Entries:
    """The zoo's architectures."""
    from ..domain.architecture.zoo import ARCHITECTURES

    return [_entry(Kind.ARCHITECTURE, name, part.summary, part.load) for name, part in ARCHITECTURES.items()]


@hookimpl
def segport_encoders() -> Entries:
    """The zoo's encoders."""
    from ..domain.architecture.zoo import ENCODERS

    return [_entry(Kind.ENCODER, name, part.summary, part.load) for name, part in ENCODERS.items()]


@hookimpl
def segport_losses() -> Entries:
    """Loss formulas."""
    from ..domain.losses.catalogue import LOSSES, summary

    return [_entry(Kind.LOSS, name, summary(name), loss) for name, loss in LOSSES.items()]


@hookimpl
def segport_metrics() -> Entries:
    """Metrics on confusion counts."""
    from ..domain.metrics.overlap import ALIASES, standard_metrics

    entries = [_entry(Kind.METRIC, m.name, _first_line(type(m)), type(m)) for m in standard_metrics()]
    return [
        attrs.evolve(entry, aliases=tuple(alias for alias, name in ALIASES.items() if name == entry.name))
        for entry in entries
    ]


@hookimpl
def segport_augmentations() -> Entries:
    """Presets of the augmentation policy; every field of the policy is an option."""
    from ..domain.augmentation.policy import AugmentationPolicy

    presets = ("none", "light", "standard", "strong")
    return [
        _entry(Kind.AUGMENTATION, name, _first_line(getattr(AugmentationPolicy, name)), _preset(name))
        for name in presets
    ]


def _preset(name: str) -> Callable[..., Any]:
    from ..domain.augmentation.policy import AugmentationPolicy

    def make(**options: Any) -> AugmentationPolicy:
        preset: AugmentationPolicy = getattr(AugmentationPolicy, name)()
        return attrs.evolve(preset, **options)

    make.__signature__ = inspect.signature(AugmentationPolicy)  # type: ignore[attr-defined]
    return make


def _entry(kind: Kind, name: str, summary: str, factory: Callable[..., Any]) -> Entry:
    return Entry(kind, name, summary, lambda: factory)


def _first_line(part: object) -> str:
    return (inspect.getdoc(part) or "").partition("\n")[0]
