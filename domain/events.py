"""What happens in a run, as plain values: never tensors, so that anyone may keep, print or send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import Factory, frozen


@frozen
class RunStarted:
    """Training begins, or goes on from ``epoch`` (epochs done so far) after a resume."""

    run: str
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    facts: Mapping[str, str] = Factory(dict)


@frozen
class WeightsTransferred:
    """A run begins with weights of another model instead of random ones; names are of tensors.

    Attributes:
        source: the run or file they are from.
        matched: taken over.
        reinitialised: of the new model, with no match.
        left_over: of the source, not used.
        renamed: where the classes of the head taken over have other names now: the old one to the new one.
        adapted: kernels among ``matched`` that were made for images of other channels.
    """

    source: str
    matched: tuple[str, ...]
    reinitialised: tuple[str, ...]
    left_over: tuple[str, ...]
    renamed: Mapping[str, str] = Factory(dict)
    adapted: tuple[str, ...] = ()


@frozen
class StepsDone:
    """Progress in an epoch: ``step`` of ``steps``, mean loss of the epoch so far, the rate in use, images a second."""

    epoch: int
    step: int
    steps: int
    loss: float
    rate: float
    images_per_second: float


@frozen
class EpochDone:
    """An epoch is trained and validated.

    ``metrics`` are deterministic numbers by column name ("train_loss", "val_miou" ...); ``seconds`` are not, and stay
    out of ``metrics.csv``. ``improved`` tells whether the monitored metric is the best so far.
    """

    epoch: int
    metrics: Mapping[str, float]
    rate: float
    seconds: float
    improved: bool


@frozen
class CheckpointSaved:
    """A checkpoint is safely on disk."""

    epoch: int
    path: str
    best: bool


@frozen
class TrackerFailed:
    """A tracker raised an error and hears nothing more; the run goes on."""

    tracker: str
    reason: str


@frozen
class RunMended:
    """Something in the folder of a run that is resumed was damaged: ``what``, and how it was made good."""

    run: str
    what: str


@frozen
class RunFinished:
    """Training ended as it should: all epochs, or early with a ``reason``."""

    run: str
    epochs: int
    best_epoch: int
    best_score: float
    monitor: str
    reason: str
    seconds: float


@frozen
class RunFailed:
    """Training ended otherwise: interrupted, diverged, or an error."""

    run: str
    epoch: int
    reason: str


Event: TypeAlias = (
    RunStarted
    | WeightsTransferred
    | StepsDone
    | EpochDone
    | CheckpointSaved
    | TrackerFailed
    | RunMended
    | RunFinished
    | RunFailed
)
