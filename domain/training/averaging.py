"""The exponential moving average of a model's weights: smoother than the weights themselves, and mostly better."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from ..architecture.graph import Graph
from ..architecture.weights import Weights, mismatch
from ..ranges import outside, reject
from .optimizers import Tensor


@frozen
class Averaging:
    """After each update, every average goes a share of the way to its weight; all arithmetic is float32.

    average += share (weight - average);  share = 1 - min(decay, (1 + t) / (10 + t)) at update t, from 1

    Averages begin as the first weights, and the smaller decay at the beginning forgets these quickly. Source:
    TensorFlow's tf.train.ExponentialMovingAverage with its ``num_updates``.

    Running statistics of norms are averaged as the weights are: they belong to the weights that they were measured
    with, and the averaged weights lie behind the newest. So does the reference implementation of Tan and Le 2019,
    "EfficientNet" (``get_ema_vars``).

    Attributes:
        decay: memory of the average, above 0 and below 1; about the last 1 / (1 - decay) updates count.
    """

    decay: float

    def __attrs_post_init__(self) -> None:
        reject("averaging", [outside("decay", self.decay, 0, 1, above=True, below=True)])

    def share(self, step: int) -> float:
        """How much of the way to the weights the averages go at update number ``step``, from 1: above 0, below 1."""
        return max(1 - self.decay, 9 / (10 + step))

    def update(self, average: Tensor, weight: Tensor, step: int) -> Tensor:
        """The average after update number ``step``, which led to ``weight``; both float32 of one shape."""
        return average + np.float32(self.share(step)) * (weight - average)


def misfits(averaging: Averaging | None, graph: Graph, averages: Weights) -> list[str]:
    """Every reason why ``averages`` are not those of a session of ``graph`` with that averaging, or with none."""
    if (averaging is None) != (not averages):
        return ["averages: there are some, expected none" if averages else "averages: missing"]
    return [f"average of {problem}" for problem in (mismatch(graph, averages) if averaging else ())]
