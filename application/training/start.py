"""Where a run begins, or goes on: its weights, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from attrs import frozen

from ...domain.architecture.graph import Graph
from ...domain.architecture.weights import Weights, fingerprint, initialise
from ...domain.errors import CheckpointError, DamagedCheckpointError, SegportError
from ...domain.events import WeightsTransferred
from ...domain.ports.backend import Backend, TrainState, WithNatives
from ...domain.ports.checkpoints import Checkpoint, Run
from ...domain.refusals import another_framework
from ...domain.spec import ModelSpec
from ...domain.training.plateau import Plateau
from ...domain.training.schedules import WarmUp
from ...domain.training.selection import Best
from ...domain.training.stopping import EarlyStopping
from ..settings import TrainSettings
from .parts import Parts
from .progress import Progress
from .sources import Source, Sources


@frozen(eq=False)
class Start:
    """A position to train from. ``transferred`` tells which of the weights are another model's.

    ``recovered`` tells of a last checkpoint that was damaged, and what took its place.
    """

    weights: Weights
    progress: Progress
    state: TrainState | None = None
    transferred: WeightsTransferred | None = None
    recovered: str = ""


def beginning(parts: Parts, settings: TrainSettings, source: Source | None) -> Start:
    """The first step of a new run: seeded weights, those of ``source`` in their place where they match.

    Raises CheckpointError when they do not match well enough.
    """
    weights = _first(parts.backend, parts.spec.graph, settings.seed)
    transferred = None
    if source is not None:
        moved = source.into(weights, parts.spec)
        renamed = _renamed(parts.spec, source.spec, moved.matched)
        names = (moved.matched, moved.reinitialised, moved.left_over)
        weights = moved.weights
        transferred = WeightsTransferred(source.name, *names, renamed=renamed, adapted=moved.adapted)
    return Start(weights, _no_progress(parts), transferred=transferred)


def _first(backend: Backend, graph: Graph, seed: int) -> Weights:
    """The same on every backend, but where the model is one framework's own code."""
    if graph.native is None:
        return initialise(graph, seed)
    if backend.name != graph.native.framework or not isinstance(backend, WithNatives):
        raise another_framework(backend.name, graph.native)
    return backend.first_weights(graph, seed)


def left_at(run: Run, parts: Parts, settings: TrainSettings, sources: Sources) -> Start:
    """Where a run was left; its very beginning when it was stopped before its first checkpoint.

    A last checkpoint that is damaged gives way to the one before. Raises CheckpointError when neither is whole, when
    that holds no training state, or when what the run began with is no longer there.
    """
    last, recovered = _last_whole(run)
    if last is None:
        return _begun_again(run, parts, settings, sources)
    if last.state is None or last.progress is None:
        raise CheckpointError(f"{run.path} holds no training state to continue from.", fix="Start a new run.")
    return Start(last.weights, Progress.from_data(last.progress), last.state, recovered=recovered)


def _last_whole(run: Run) -> tuple[Checkpoint | None, str]:
    """The checkpoint to go on from and what had to be done for it: one that is whole is read once."""
    try:
        return run.last(), ""
    except DamagedCheckpointError:
        recovered = run.recover()
    return run.last(), recovered


def _begun_again(run: Run, parts: Parts, settings: TrainSettings, sources: Sources) -> Start:
    named = settings.init_from or settings.encoder_weights
    if named is None:
        return beginning(parts, settings, None)
    fix = f"Put {named} back as it was, or start a new run."
    try:
        start = beginning(parts, settings, sources.complete(settings))
    except SegportError as error:
        raise CheckpointError(
            f"{run.path} has no checkpoint yet, and what it began with cannot be read again: {error.message}", fix=fix
        ) from None
    if fingerprint(start.weights) != run.configuration().get("start", {}).get("fingerprint"):
        raise CheckpointError(
            f"{run.path} has no checkpoint yet, and {named} has changed since the run began.", fix=fix
        )
    return start


def _no_progress(parts: Parts) -> Progress:
    schedule = parts.loop.schedule
    inner = schedule.schedule if isinstance(schedule, WarmUp) else schedule
    return Progress(
        best=Best(parts.loop.mode),
        stopping=EarlyStopping(patience=parts.loop.patience, mode=parts.loop.mode),
        counts=np.zeros(parts.spec.task.matrix(len(parts.spec.classes)), np.int64),
        plateau=inner if isinstance(inner, Plateau) else None,
    )


def _renamed(spec: ModelSpec, source: ModelSpec | None, matched: Iterable[str]) -> dict[str, str]:
    """Classes of a head taken over that have other names now: it goes by their order, not by their names."""
    if source is None or len(source.classes) != len(spec.classes) or _head(spec.graph) not in matched:
        return {}
    pairs = zip(source.classes.names, spec.classes.names, strict=True)
    return {old: new for old, new in pairs if old != new}


def _head(graph: Graph) -> str:
    """The kernel that makes the main logits; only operations without weights come after it. "" of a native model."""
    if graph.native is not None:
        return ""
    inputs, weights, name = {node.name: node.inputs for node in graph.nodes}, graph.weights(), graph.outputs[0]
    while f"{name}.weight" not in weights:
        name = inputs[name][0]
    return f"{name}.weight"
