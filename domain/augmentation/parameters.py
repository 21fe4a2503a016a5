"""What happens to one sample in one epoch: drawn from (seed, epoch, index) and nothing else."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from .policy import AugmentationPolicy


@frozen
class AugmentationParameters:
    """One draw from a policy. Angles in degrees, positions and amounts as in ``AugmentationPolicy``.

    ``centre`` is where the crop lies between its two extremes, (y, x), each in [0, 1). ``seed`` is where the sample's
    own noise and displacements come from.
    """

    seed: tuple[int, int, int]
    mirror_x: bool = False
    mirror_y: bool = False
    quarter_turns: int = 0
    angle: float = 0.0
    scale: float = 1.0
    shear: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    gamma: float = 1.0
    blur: float = 0.0
    noise: float = 0.0

    def generator(self, purpose: int) -> np.random.Generator:
        """A fresh generator for one purpose (1, 2 ...) of this sample; purposes do not disturb one another."""
        seed, epoch, index = self.seed
        return np.random.default_rng([seed, epoch, index + 1, purpose])


def sample_parameters(policy: AugmentationPolicy, seed: int, epoch: int, index: int) -> AugmentationParameters:
    """Draws the parameters of sample ``index`` in ``epoch``. All three numbers are at least 0.

    The same random numbers are drawn in the same order whatever the policy, so switching one step on or off leaves
    the others as they were.
    """
    # Seeds are padded with zeros, so index 0 as it is would share its numbers with (seed, epoch).
    draw = np.random.default_rng([seed, epoch, index + 1]).random(16).tolist()
    return AugmentationParameters(
        seed=(seed, epoch, index),
        mirror_x=policy.flip_horizontal and draw[0] < 0.5,
        mirror_y=policy.flip_vertical and draw[1] < 0.5,
        quarter_turns=int(4 * draw[2]) if policy.quarter_turns else 0,
        angle=_either_way(policy.rotate, draw[3]),
        scale=_log_uniform(*policy.scale, draw[4]),
        shear=_either_way(policy.shear, draw[5]),
        centre=(draw[6], draw[7]),
        elastic=policy.elastic * draw[8],
        brightness=_either_way(policy.brightness, draw[9]),
        contrast=1.0 + _either_way(policy.contrast, draw[10]),
        saturation=1.0 + _either_way(policy.saturation, draw[11]),
        hue=_either_way(policy.hue, draw[12]),
        gamma=_log_uniform(1.0 / (1.0 + policy.gamma), 1.0 + policy.gamma, draw[13]),
        blur=_half_the_time(policy.blur, draw[14]),
        noise=_half_the_time(policy.noise, draw[15]),
    )


def _either_way(limit: float, draw: float) -> float:
    return limit * (2.0 * draw - 1.0)


def _log_uniform(low: float, high: float, draw: float) -> float:
    return float(low * (high / low) ** draw)


def _half_the_time(limit: float, draw: float) -> float:
    return limit * max(0.0, 2.0 * draw - 1.0)
