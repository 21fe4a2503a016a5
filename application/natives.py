"""Models that are one framework's own code: what the rest of the settings must leave to them."""

from __future__ import annotations

import attrs

from ..domain.choices import Choice
from ..domain.errors import InvalidSpecError
from ..domain.ports.catalogue import Catalogue
from .train_settings import TrainSettings

_OF_ENCODERS = ("encoder_weights", "freeze_encoder", "freeze_norms", "encoder_rate")


def framework_of(catalogue: Catalogue, model: Choice) -> str:
    """The framework whose own code an architecture is; "" for a graph, and for a name that nobody offers."""
    offered = catalogue.offered("architecture")
    return next((part.framework for part in offered if model.name in (part.name, *part.aliases)), "")


def without_encoder(settings: TrainSettings, *, derived: bool) -> TrainSettings:
    """Settings of a native model, which brings an encoder of its own; ``derived``: the one in them is the recipe's.

    Raises InvalidSpecError, naming all settings that are about one of segport's.
    """
    defaults = {field.name: field.default for field in attrs.fields(TrainSettings)}
    given = [name for name in _OF_ENCODERS if getattr(settings, name) != defaults[name]]
    given += [] if derived or settings.encoder is None else ["encoder"]
    if given:
        raise InvalidSpecError(
            f"{settings.model} brings an encoder of its own, so these say nothing: "
            f"{', '.join(f'{name} = {getattr(settings, name)}' for name in sorted(given))}.",
            fix="Leave them out. `segport plugins info NAME` shows the model's own options: --model NAME:option=value.",
        )
    return attrs.evolve(settings, encoder=None)
