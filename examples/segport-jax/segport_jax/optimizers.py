"""The domain's optimizer formulas, see ``segport.domain.training.optimizers``."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from segport.domain.training.optimizers import Adam, Optimizer, Sgd, decays

from .model import Arrays


def scalars(formula: Optimizer, rate: float, step: int) -> NDArray[np.float32]:
    """Rate, size of Adam's step, root of its bias correction, and what AdamW leaves of a weight, at update ``step``.

    In double precision, so on the host: 1 - 0.999 has but four digits in float32.
    """
    if isinstance(formula, Sgd):
        return np.array([rate, rate, 1, 1], np.float32)
    size, root = rate / (1 - formula.beta1**step), math.sqrt(1 - formula.beta2**step)
    return np.array([rate, size, root, 1 - rate * formula.weight_decay], np.float32)


def updated(
    formula: Optimizer, name: str, weight: Array, gradient: Array, slots: Arrays, numbers: Array
) -> tuple[Array, Arrays]:
    """The weight after one update, and its slots."""
    rate, size, root, left = numbers
    decay = formula.weight_decay if decays(name, weight.shape) else 0.0
    if decay and isinstance(formula, Sgd | Adam):
        gradient = gradient + decay * weight
    if isinstance(formula, Sgd):
        momentum = formula.momentum * slots["momentum"] + gradient
        direction = gradient + formula.momentum * momentum if formula.nesterov else momentum
        return weight - rate * direction, {"momentum": momentum}
    if decay and not isinstance(formula, Adam):
        weight = weight * left
    m = formula.beta1 * slots["m"] + (1 - formula.beta1) * gradient
    v = formula.beta2 * slots["v"] + (1 - formula.beta2) * gradient * gradient
    return weight - size * m / (jnp.sqrt(v) / root + formula.epsilon), {"m": m, "v": v}


def clipped(gradients: Arrays, limit: float | None) -> Arrays:
    """All gradients times min(1, limit / (norm + 1e-6)), with their common L2 norm."""
    if limit is None:
        return gradients
    norm = jnp.sqrt(sum(jnp.square(gradient).sum() for gradient in gradients.values()))
    return {name: gradient * jnp.minimum(1.0, limit / (norm + 1e-6)) for name, gradient in gradients.items()}
