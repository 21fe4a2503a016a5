"""quickstart: the whole way once, on generated data: generate, prepare, train, evaluate, predict, draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import gt
from cyclopts import App

from ..application.checking import to_choice
from ..application.settings import DEFAULT_BACKEND
from ..domain.choices import Choice
from .dispatch import add
from .run_all_commands import perform
from .terminal import Terminal

if TYPE_CHECKING:
    from ..bootstrap import Toolkit

IMAGES = 200
BATCH = 4
AUGMENT = "light"
"""Many small updates on gently changed images: the way to a good score within minutes."""


@frozen
class QuickstartSettings:
    """Generate shapes, prepare, train, evaluate and predict, in a few minutes on a CPU."""

    out: Path = field(default=Path("quickstart"), metadata={"help": "Folder for everything."})
    backend: Choice = field(
        default=DEFAULT_BACKEND,
        converter=to_choice,
        metadata={"help": "Framework: torch, tf, or a plugin's."},
    )
    epochs: int = field(default=36, validator=gt(0), metadata={"help": "Passes over the training split."})

    @property
    def tables(self) -> dict[str, dict[str, object]]:
        """As in a file for run-all."""
        return {
            "generate": {"num_images": IMAGES},
            "prepare": {"out": self.out / "shapes"},
            "inspect": {"augmented": True},
            "train": {
                "backend": self.backend,
                "epochs": self.epochs,
                "validate_every": 2,
                "batch": BATCH,
                "augment": AUGMENT,
            },
            "evaluate": {},
            "predict": {"inputs": [str(self.out / "raw" / "images")]},
        }


def register(app: App) -> None:
    """Adds the command."""
    add(app, "quickstart", QuickstartSettings, quickstart)


def quickstart(toolkit: Toolkit, settings: QuickstartSettings, terminal: Terminal) -> int:
    """A run-all of a file that everybody has."""
    plan = toolkit.run_all.plan(settings.tables, out=settings.out, where="segport quickstart")
    report = perform(toolkit, plan, terminal)
    terminal.object({**report.exhibits["evaluate test"].values, "out": report.out, "page": report.page})
    return 0
