"""Optimizers pinned as formulas: every backend makes the update below, whatever its framework's own optimizer does.

One update, in this order: gradients of the accumulated batches are averaged (``mean_gradient``), scaled down to the
norm limit (``clip_by_norm``), then each weight is updated with the rate of that step. All slots start at zero and all
arithmetic is float32. Weight decay touches only what ``decays`` names.

``moved`` is the formula itself, on arrays of any framework. What depends on the step comes in as ``scalars``, which may
change from one compiled step to the next: they are computed on the host in double precision, since 1 - 0.999 has but
four digits in float32.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from ..ranges import outside, reject

Tensor: TypeAlias = NDArray[np.float32]
Slots: TypeAlias = Mapping[str, Tensor]

NORM_GUARD = 1e-6
"""Added to the norm that gradients are scaled down by, as torch does."""


def decays(name: str, shape: Sequence[int]) -> bool:
    """Whether weight decay applies: to kernels, never to biases or to the scales and shifts of norms."""
    return len(shape) > 1 and not name.endswith(".bias")


class _Pinned(ABC):
    """What all have in common: one update in NumPy, by the formula."""

    def update(
        self, weight: Tensor, gradient: Tensor, slots: Slots, step: int, rate: float, *, name: str = "weight"
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weight and slots after one update.

        Args:
            weight: float32 of any shape.
            gradient: of the weight's shape.
            slots: by the names in ``slots``, each of the weight's shape.
            step: number of this update, from 1.
            rate: learning rate of this update.
            name: canonical name of the weight, for ``decays``.
        """
        return self.moved(weight, gradient, slots, self.scalars(step, rate), name=name)

    @abstractmethod
    def scalars(self, step: int, rate: float) -> Tensor:
        """What the formula needs of the step."""

    @abstractmethod
    def moved(
        self,
        weight: Any,
        gradient: Any,
        slots: Mapping[str, Any],
        scalars: Any,
        *,
        name: str,
        sqrt: Callable[[Any], Any] = np.sqrt,
    ) -> tuple[Any, dict[str, Any]]:
        """As ``update``, on arrays of any framework; ``sqrt`` is its own, and ``scalars`` are those of the step."""


@frozen
class Sgd(_Pinned):
    """Stochastic gradient descent with heavy-ball or Nesterov momentum, as torch.optim.SGD without dampening.

    g += weight_decay w;  momentum = mu momentum + g;  w -= rate (g + mu momentum if nesterov else momentum)

    Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", in torch's form
    where the rate stands outside the buffer, so that a schedule acts at once.

    Attributes:
        momentum: mu, in [0, 1).
        nesterov: look one step ahead; needs momentum.
        weight_decay: L2 penalty added to the gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ("momentum",)

    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0

    def __attrs_post_init__(self) -> None:
        lacking = "nesterov = True: expected a momentum above 0." if self.nesterov and not self.momentum else ""
        momentum = outside("momentum", self.momentum, 0, 1, below=True)
        reject("optimizer 'sgd'", [momentum, outside("weight_decay", self.weight_decay, 0), lacking])

    def scalars(self, step: int, rate: float) -> Tensor:
        """(1,) float32: the rate."""
        return np.array([rate], np.float32)

    def moved(
        self,
        weight: Any,
        gradient: Any,
        slots: Mapping[str, Any],
        scalars: Any,
        *,
        name: str,
        sqrt: Callable[[Any], Any] = np.sqrt,
    ) -> tuple[Any, dict[str, Any]]:
        """As ``update``, on arrays of any framework; ``sqrt`` is its own, and ``scalars`` are those of the step."""
        gradient = _with_penalty(gradient, weight, self.weight_decay, name)
        momentum = self.momentum * slots["momentum"] + gradient
        direction = gradient + self.momentum * momentum if self.nesterov else momentum
        return weight - scalars[0] * direction, {"momentum": momentum}


@frozen
class Adam(_Pinned):
    """Adam with the penalty inside the gradient, as torch.optim.Adam.

    g += weight_decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
    w -= rate / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + epsilon)

    Source: Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1. The epsilon is added after
    bias correction, as there and in torch; Keras adds it before, in the form that ends section 2 of the paper.

    Attributes:
        beta1: memory of the mean, in [0, 1).
        beta2: memory of the square, in [0, 1).
        epsilon: above 0.
        weight_decay: L2 penalty added to the gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __attrs_post_init__(self) -> None:
        reject("optimizer 'adam'", _adam_problems(self))

    def scalars(self, step: int, rate: float) -> Tensor:
        """(2,) float32: the size of the step, and the root of the second correction of bias."""
        return np.array(_corrected(self, step, rate), np.float32)

    def moved(
        self,
        weight: Any,
        gradient: Any,
        slots: Mapping[str, Any],
        scalars: Any,
        *,
        name: str,
        sqrt: Callable[[Any], Any] = np.sqrt,
    ) -> tuple[Any, dict[str, Any]]:
        """As ``update``, on arrays of any framework; ``sqrt`` is its own, and ``scalars`` are those of the step."""
        gradient = _with_penalty(gradient, weight, self.weight_decay, name)
        return _adam_moved(self, weight, gradient, slots, scalars, sqrt)


@frozen
class AdamW(_Pinned):
    """Adam with decoupled weight decay, as torch.optim.AdamW.

    w *= 1 - rate weight_decay, then Adam's update with the plain gradient.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2, with the rate in front of
    the decay.

    Attributes:
        beta1: memory of the mean, in [0, 1).
        beta2: memory of the square, in [0, 1).
        epsilon: above 0.
        weight_decay: part of the weight taken off at a rate of 1.
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    def __attrs_post_init__(self) -> None:
        reject("optimizer 'adamw'", _adam_problems(self))

    def scalars(self, step: int, rate: float) -> Tensor:
        """(3,) float32: those of ``Adam``, and what decay leaves of a weight."""
        return np.array([*_corrected(self, step, rate), 1 - rate * self.weight_decay], np.float32)

    def moved(
        self,
        weight: Any,
        gradient: Any,
        slots: Mapping[str, Any],
        scalars: Any,
        *,
        name: str,
        sqrt: Callable[[Any], Any] = np.sqrt,
    ) -> tuple[Any, dict[str, Any]]:
        """As ``update``, on arrays of any framework; ``sqrt`` is its own, and ``scalars`` are those of the step."""
        if self.weight_decay and decays(name, weight.shape):
            weight = weight * scalars[2]
        return _adam_moved(self, weight, gradient, slots, scalars, sqrt)


Optimizer: TypeAlias = Sgd | Adam | AdamW

OPTIMIZERS: Mapping[str, type[Optimizer]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
"""Optimizers by the name users write."""


def mean_gradient(gradients: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the gradients of accumulated batches, each counting the same, by weight name."""
    count = np.float32(len(gradients))
    return {name: sum((other[name] for other in gradients[1:]), first) / count for name, first in gradients[0].items()}


def clip_by_norm(gradients: Mapping[str, Tensor], limit: float) -> dict[str, Tensor]:
    """All gradients times min(1, limit / (norm + 1e-6)), with their common L2 norm, as torch's clip_grad_norm_.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1.

    Args:
        gradients: by weight name.
        limit: above 0.
    """
    norm = math.sqrt(sum(float(np.sum(np.square(gradient, dtype=np.float64))) for gradient in gradients.values()))
    factor = np.float32(min(1.0, limit / (norm + NORM_GUARD)))
    return {name: gradient * factor for name, gradient in gradients.items()}


def _with_penalty(gradient: Any, weight: Any, weight_decay: float, name: str) -> Any:
    return gradient + weight_decay * weight if weight_decay and decays(name, weight.shape) else gradient


def _corrected(options: Adam | AdamW, step: int, rate: float) -> tuple[float, float]:
    return rate / (1 - options.beta1**step), math.sqrt(1 - options.beta2**step)


def _adam_moved(
    options: Adam | AdamW,
    weight: Any,
    gradient: Any,
    slots: Mapping[str, Any],
    scalars: Any,
    sqrt: Callable[[Any], Any],
) -> tuple[Any, dict[str, Any]]:
    m = options.beta1 * slots["m"] + (1 - options.beta1) * gradient
    v = options.beta2 * slots["v"] + (1 - options.beta2) * gradient * gradient
    return weight - scalars[0] * m / (sqrt(v) / scalars[1] + options.epsilon), {"m": m, "v": v}


def _adam_problems(options: Adam | AdamW) -> list[str]:
    return [
        outside("beta1", options.beta1, 0, 1, below=True),
        outside("beta2", options.beta2, 0, 1, below=True),
        outside("epsilon", options.epsilon, 0, above=True),
        outside("weight_decay", options.weight_decay, 0),
    ]
