"""A trained model from its folder or file, ready to be used on any backend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..domain.choices import Choice
from ..domain.ports.backend import Backend, EvalSession, Precision
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.checkpoints import RunStore
from ..domain.ports.model import Model
from .settings import DEFAULT_BACKEND


@frozen(eq=False)
class Trained:
    """A model in inference mode; its run and that run's configuration, None and empty for a lone checkpoint file."""

    model: Model
    session: EvalSession
    backend: Backend
    run: Path | None
    configuration: Mapping[str, Any] = field(factory=dict)


def load_trained(
    catalogue: Catalogue,
    runs: RunStore,
    path: Path,
    *,
    backend: Choice | str | None = None,
    device: str = "auto",
    precision: Precision = Precision.AUTO,
) -> Trained:
    """The best checkpoint of a run's folder, or a checkpoint file, on ``backend`` or else the one the run began with.

    Raises CheckpointError.
    """
    run = runs.home(path)
    configuration = runs.open(run).configuration() if run is not None else {}
    checkpoint = runs.load_checkpoint(path)
    chosen = Choice.of(backend or configuration.get("train", {}).get("backend", DEFAULT_BACKEND))
    engine = catalogue.backend(chosen.name, chosen.options)
    model = engine.build(checkpoint.spec, checkpoint.weights, device=device, precision=precision)
    return Trained(model, engine.evaluator(model), engine, run, configuration)
