"""Where a run begins, or goes on: its weights, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from attrs import frozen

from ...domain.architecture.graph import Graph
from ...domain.architecture.transfer import transfer
from ...domain.architecture.weights import Weights, fingerprint, initialise
from ...domain.errors import CheckpointError
from ...domain.events import WeightsTransferred
from ...domain.ports.backend import TrainState
from ...domain.ports.checkpoints import Pretrained, Run, RunStore
from ...domain.spec import ModelSpec
from ...domain.training.plateau import Plateau
from ...domain.training.schedules import WarmUp
from ...domain.training.selection import Best
from ...domain.training.stopping import EarlyStopping
from ..settings import TrainSettings
from .parts import Parts
from .progress import Progress


@frozen(eq=False)
class Start:
    """A position to train from. ``transferred`` tells which of the weights are another model's."""

    weights: Weights
    progress: Progress
    state: TrainState | None = None
    transferred: WeightsTransferred | None = None


def beginning(parts: Parts, settings: TrainSettings, source: Pretrained | None) -> Start:
    """The first step of a new run: seeded weights, those of ``source`` in their place where they match.

    Only weights are taken: images are normalised by the statistics of the run's own data set. Raises CheckpointError
    when not one tensor matches.
    """
    weights: Weights = initialise(parts.spec.graph, settings.seed)
    transferred = None
    if source is not None:
        assert settings.init_from is not None
        moved = transfer(weights, source.weights)
        if not moved.matched:
            raise _nothing_matches(settings.init_from, weights, source.weights)
        renamed = _renamed(parts.spec, source.spec, moved.matched)
        names = (moved.matched, moved.reinitialised, moved.left_over)
        weights, transferred = moved.weights, WeightsTransferred(str(settings.init_from), *names, renamed)
    return Start(weights, _no_progress(parts), transferred=transferred)


def left_at(run: Run, parts: Parts, settings: TrainSettings, runs: RunStore) -> Start:
    """Where a run was left; its very beginning when it was stopped before its first checkpoint.

    Raises CheckpointError when that holds no training state, or when what the run began with is no longer there.
    """
    last = run.last()
    if last is None:
        return _begun_again(run, parts, settings, runs)
    if last.state is None or last.progress is None:
        raise CheckpointError(f"{run.path} holds no training state to go on from.", fix="Start a new run.")
    return Start(last.weights, Progress.from_data(last.progress), last.state)


def _begun_again(run: Run, parts: Parts, settings: TrainSettings, runs: RunStore) -> Start:
    if settings.init_from is None:
        return beginning(parts, settings, None)
    fix = f"Put {settings.init_from} back as it was, or start a new run."
    try:
        start = beginning(parts, settings, runs.load_pretrained(settings.init_from))
    except CheckpointError as error:
        raise CheckpointError(
            f"{run.path} has no checkpoint yet, and what it began with cannot be read again: {error.message}", fix=fix
        ) from None
    if fingerprint(start.weights) != run.configuration().get("start", {}).get("fingerprint"):
        raise CheckpointError(
            f"{run.path} has no checkpoint yet, and {settings.init_from} has changed since the run began.", fix=fix
        )
    return start


def _no_progress(parts: Parts) -> Progress:
    schedule = parts.loop.schedule
    inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
    classes = len(parts.spec.classes)
    return Progress(
        best=Best("max"),
        stopping=EarlyStopping(patience=parts.loop.patience, mode="max"),
        counts=np.zeros((classes, classes), np.int64),
        plateau=inner if isinstance(inner, Plateau) else None,
    )


def _renamed(spec: ModelSpec, source: ModelSpec | None, matched: Iterable[str]) -> dict[str, str]:
    """Classes of a head taken over that have other names now: it goes by their order, not by their names."""
    if source is None or len(source.classes) != len(spec.classes) or _head(spec.graph) not in matched:
        return {}
    pairs = zip(source.classes.names, spec.classes.names, strict=True)
    return {old: new for old, new in pairs if old != new}


def _head(graph: Graph) -> str:
    """The kernel that makes the main logits; only operations without weights come after it."""
    inputs, weights, name = {node.name: node.inputs for node in graph.nodes}, graph.weights(), graph.outputs[0]
    while f"{name}.weight" not in weights:
        name = inputs[name][0]
    return f"{name}.weight"


def _nothing_matches(path: Path, wanted: Weights, found: Weights) -> CheckpointError:
    return CheckpointError(
        f"No tensor of {path} has the name and the shape of one of this model's.",
        problems=[f"the model's: {_examples(wanted)}", f"the file's: {_examples(found)}"],
        fix="Choose the --model and --encoder it was trained with, or a file with the model's names.",
    )


def _examples(weights: Weights) -> str:
    some = [f"{name} {'x'.join(map(str, array.shape))}" for name, array in islice(weights.items(), 3)]
    return ", ".join([*some, "..."] if len(weights) > len(some) else some) or "none"
