"""Schedules of the learning rate, as multipliers of a base rate.

Pure in the position, so a resumed run sees the rates of an uninterrupted one. Steps are updates and count from 0;
epochs may be broken numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from ..ranges import as_tuple, outside, reject
from .plateau import Plateau


class Schedule(Protocol):
    """A multiplier of the base rate for every update. An attrs class whose fields are its options."""

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """The multiplier of update ``step``, in [0, 1].

        Args:
            step: updates made before, from 0.
            total_steps: updates of the whole run; later steps have the rate that ends it.
            steps_per_epoch: updates of one epoch.
        """
        ...


@frozen
class Constant:
    """The base rate, always."""

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        return 1.0


@frozen
class Exponential:
    """A smooth decay: times ``decay`` every so many epochs, and in proportion in between.

    Attributes:
        decay: in (0, 1].
        every: epochs, above 0.
    """

    decay: float = 0.95
    every: float = 1.0

    def __attrs_post_init__(self) -> None:
        decay = outside("decay", self.decay, 0, 1, above=True)
        reject("schedule 'exponential'", [decay, outside("every", self.every, 0, above=True)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        return float(self.decay ** (min(step, total_steps) / steps_per_epoch / self.every))


@frozen
class Step:
    """Times ``factor`` at once, every so many epochs.

    Attributes:
        every: epochs, above 0.
        factor: in (0, 1].
    """

    every: float = 30.0
    factor: float = 0.1

    def __attrs_post_init__(self) -> None:
        every = outside("every", self.every, 0, above=True)
        reject("schedule 'step'", [every, outside("factor", self.factor, 0, 1, above=True)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        falls = min(step, total_steps) / steps_per_epoch / self.every
        return float(self.factor ** math.floor(falls + 1e-9))  # 3 tenths of an epoch are 2.9999999999999996 times 0.1


@frozen
class MultiStep:
    """Times ``factor`` at once, at given epochs.

    Attributes:
        milestones: epochs after which the rate falls, rising, each above 0.
        factor: in (0, 1].
    """

    milestones: tuple[float, ...] = field(converter=as_tuple)
    factor: float = 0.1

    def __attrs_post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.milestones), self.milestones, strict=False))
        order = (
            "" if self.milestones and rising else f"milestones = {self.milestones!r}: expected rising epochs above 0."
        )
        reject("schedule 'multi-step'", [order, outside("factor", self.factor, 0, 1, above=True)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        epoch = min(step, total_steps) / steps_per_epoch
        return float(self.factor ** sum(epoch >= milestone for milestone in self.milestones))


@frozen
class Polynomial:
    """(1 - t)^power over the run, t from 0 to 1. Source: Chen et al. 2017, "DeepLab", section 4.1.2.

    Attributes:
        power: above 0; 1 is linear.
        floor: what it ends at, in [0, 1].
    """

    power: float = 0.9
    floor: float = 0.0

    def __attrs_post_init__(self) -> None:
        power = outside("power", self.power, 0, above=True)
        reject("schedule 'polynomial'", [power, outside("floor", self.floor, 0, 1)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        return _between(self.floor, 1.0, float((1 - _part(step, total_steps)) ** self.power))


@frozen
class Cosine:
    """Half a cosine over the run, from 1 to ``floor``. Source: Loshchilov and Hutter 2017, "SGDR", equation 5.

    Attributes:
        floor: what it ends at, in [0, 1].
    """

    floor: float = 0.0

    def __attrs_post_init__(self) -> None:
        reject("schedule 'cosine'", [outside("floor", self.floor, 0, 1)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        return _between(self.floor, 1.0, _fall(_part(step, total_steps)))


@frozen
class OneCycle:
    """Up to the base rate along half a cosine, then down along another, as torch's OneCycleLR (rates alone).

    Source: Smith and Topin 2018, "Super-Convergence", in the two-phase cosine form of fastai.

    Attributes:
        rise: part of the run spent going up, in (0, 1).
        start: what it starts at, in [0, 1].
        end: what it ends at, in [0, 1].
    """

    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6

    def __attrs_post_init__(self) -> None:
        rise = outside("rise", self.rise, 0, 1, above=True, below=True)
        reject("schedule 'one-cycle'", [rise, outside("start", self.start, 0, 1), outside("end", self.end, 0, 1)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``. A run too short to rise starts at its peak."""
        last = total_steps - 1
        peak = max(self.rise * total_steps - 1, 0.0)
        step = min(step, last)
        if step < peak:
            return _between(1.0, self.start, _fall(step / peak))
        return _between(self.end, 1.0, _fall((step - peak) / (last - peak) if last > peak else 0.0))


@frozen
class WarmUp:
    """A linear rise in front of any schedule: its rates times (step + 1) / steps while step < steps.

    The schedule runs on underneath, so milestones and the end of the run stay where they were.

    Source: Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2.

    Attributes:
        schedule: what is warmed up.
        steps: updates before the full rate is reached, at least 0.
    """

    schedule: Schedule
    steps: int

    def __attrs_post_init__(self) -> None:
        reject("the warm-up", [outside("steps", self.steps, 0)])

    def rate(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See ``Schedule.rate``."""
        factor = (step + 1) / self.steps if step < self.steps else 1.0
        return factor * self.schedule.rate(step, total_steps, steps_per_epoch)


SCHEDULES: Mapping[str, type[Schedule]] = {
    "constant": Constant,
    "exponential": Exponential,
    "step": Step,
    "multi-step": MultiStep,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "one-cycle": OneCycle,
    "plateau": Plateau,
}
"""Schedules by the name users write; any of them may stand behind a ``WarmUp``."""


def _part(step: int, total_steps: int) -> float:
    """How much of the run is over, in [0, 1]."""
    return min(1.0, step / total_steps)


def _fall(part: float) -> float:
    """Half a cosine from 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * part)) / 2


def _between(low: float, high: float, part: float) -> float:
    """``low`` at 0, ``high`` at 1."""
    return low + (high - low) * part
