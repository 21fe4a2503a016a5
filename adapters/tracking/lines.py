"""Events as single lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isnan

from ...domain.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    RunFailed,
    RunFinished,
    RunMended,
    RunStarted,
    StepsDone,
    TrackerFailed,
    WeightsTransferred,
)

TELLING = ("train_loss", "train_miou", "val_loss", "val_miou", "val_f1", "val_accuracy")
"""Columns shown after each epoch; all of them stand in metrics.csv."""


def line(event: Event, epochs: int = 0) -> str | None:
    """What a reader of a log wants to know of an event; None where that is nothing.

    Args:
        event: what happened.
        epochs: how many the run has in all, 0 where unknown.
    """
    match event:
        case RunStarted():
            return _started(event)
        case WeightsTransferred():
            return _transferred(event)
        case EpochDone():
            mark = "  best so far" if event.improved else ""
            total = f"/{epochs}" if epochs else ""
            return f"epoch {event.epoch}{total}  {scores(event.metrics)}  {duration(event.seconds)}{mark}"
        case RunFinished():
            best = "" if isnan(event.best_score) else f", best {event.monitor} {event.best_score:.4f}"
            where = f" at epoch {event.best_epoch}" if best else ""
            return f"{event.run}: {event.reason} after {_epochs(event.epochs)}, {duration(event.seconds)}{best}{where}"
        case RunFailed():
            return f"{event.run}: stopped at epoch {event.epoch}: {event.reason}"
        case TrackerFailed():
            return f"the tracker {event.tracker} failed, and hears nothing more of this run: {event.reason}"
        case RunMended():
            return f"{event.run}: {event.what}"
        case StepsDone() | CheckpointSaved():
            return None


def _started(event: RunStarted) -> str:
    resumed = f", going on after epoch {event.epoch}" if event.epoch else ""
    facts = "".join(f", {name} {value}" for name, value in event.facts.items())
    return f"{event.run}: {_epochs(event.epochs)} of {event.steps_per_epoch} steps{resumed}{facts}"


def _transferred(event: WeightsTransferred) -> str:
    total = len(event.matched) + len(event.reinitialised)
    renamed = ", ".join(f"{old} is {new} now" for old, new in event.renamed.items())
    parts = [
        f"weights of {event.source}: {len(event.matched)} of {total} tensors matched",
        f"{len(event.reinitialised)} re-initialised{grouped(event.reinitialised)}",
        f"{len(event.left_over)} left over{grouped(event.left_over)}",
        *([f"fitted to the image's channels: {', '.join(event.adapted)}"] if event.adapted else []),
        *([f"classes of the head: {renamed}"] if renamed else []),
    ]
    return "; ".join(parts)


def grouped(names: Iterable[str], most: int = 4) -> str:
    """ " (encoder.layer4 30, head 2)": tensors counted by the beginning of their names, the first few groups."""
    counts = Counter(".".join(name.split(".")[:-1][:2]) for name in names)
    shown = [f"{group} {count}" for group, count in list(counts.items())[:most]]
    rest = sum(list(counts.values())[most:])
    return f" ({', '.join([*shown, *([f'{rest} others'] if rest else [])])})" if counts else ""


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def scores(metrics: Mapping[str, float]) -> str:
    """ "train loss 0.2310  val miou 0.8431": the telling numbers, or all where none of them is known.

    NaN is shown where the epoch was validated: it tells that something is wrong.
    """
    validated = any(name.startswith("val_") and not isnan(value) for name, value in metrics.items())
    chosen = [name for name in TELLING if name in metrics] or list(metrics)
    told = (name for name in chosen if validated or not isnan(metrics[name]))
    return "  ".join(f"{name.replace('_', ' ')} {metrics[name]:.4f}" for name in told)


def duration(seconds: float) -> str:
    """ "12.3 s", "4 min 05 s" or "2 h 03 min"."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
