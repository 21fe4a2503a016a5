"""A step of a plan: one command with its settings."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TypeAlias

import attrs
from attrs import frozen

from ..settings import (
    DownloadSettings,
    EvaluateSettings,
    GenerateSettings,
    InspectSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
)

StepSettings: TypeAlias = (
    GenerateSettings
    | DownloadSettings
    | PrepareSettings
    | InspectSettings
    | SeedsSettings
    | EvaluateSettings
    | PredictSettings
)

_WORDS = {
    GenerateSettings: "generate shapes",
    DownloadSettings: "download",
    PrepareSettings: "prepare",
    InspectSettings: "inspect",
    SeedsSettings: "train",
    EvaluateSettings: "evaluate",
    PredictSettings: "predict",
}


@frozen
class Step:
    """One command.

    Attributes:
        name: "train", "evaluate test"; each once in a plan.
        settings: of the command.
        makes: the folder that it makes and that can be made only once; None for a step that may be repeated.
    """

    name: str
    settings: StepSettings
    makes: Path | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The command as it would be typed, without ``segport``: what differs from the defaults is spelt out."""
        named = [word for field, value in self.given if field.default is attrs.NOTHING for word in _listed(value)]
        flags = [
            word for field, value in self.given if field.default is not attrs.NOTHING for word in _flag(field, value)
        ]
        return (*_WORDS[type(self.settings)].split(), *named, *flags)

    @property
    def typed(self) -> str:
        """The whole command as one line for a shell."""
        return shlex.join(("segport", *self.words))

    @property
    def given(self) -> tuple[tuple[attrs.Attribute[object], object], ...]:
        """Fields of the settings whose values are not the defaults, with these values."""
        values = ((field, getattr(self.settings, field.name)) for field in attrs.fields(type(self.settings)))
        return tuple((field, value) for field, value in values if value != field.default)


@frozen
class Plan:
    """Steps in their order, and the folder they are done for."""

    out: Path
    steps: tuple[Step, ...]


def _listed(value: object) -> list[str]:
    return list(map(str, value)) if isinstance(value, tuple) else [str(value)]


def _flag(field: attrs.Attribute[object], value: object) -> list[str]:
    name = field.name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, tuple):
        return [f"--{name}", ("," if "..." in str(field.type) else "x").join(map(str, value))]
    return [f"--{name}", str(getattr(value, "value", value))]
