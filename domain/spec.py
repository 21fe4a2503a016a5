"""Everything a set of weights needs to be used: graph, classes, task, normalisation, geometry."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from .architecture.graph import Graph
from .classes import ClassMap
from .resampling import Fit
from .samples import Task


@frozen
class Normalisation:
    """Per channel: (pixel / 255 - mean) / std, done on the device."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def linear(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(C,) each, scale and shift: the same as pixel * scale + shift."""
        mean, std = np.asarray(self.mean, np.float64), np.asarray(self.std, np.float64)
        return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)


def imagenet(channels: int) -> Normalisation:
    """How images were normalised for the published ImageNet weights: by the mean and deviation of its colours.

    Images of other channels take part in the way ``transfer.adapted`` fits the first kernel to them: grey ones as the
    average of the colours, others as the colours in turn.
    """
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if channels == 1:
        return Normalisation((0.449,), (0.226,))
    return Normalisation(tuple(mean[i % 3] for i in range(channels)), tuple(std[i % 3] for i in range(channels)))


@frozen
class ModelSpec:
    """What a checkpoint says of its weights.

    ``size`` is the (height, width) trained on; ``fit`` how whole images are fitted when the model is used.
    ``architecture`` and ``encoder`` are the names it was drawn from, for people.
    """

    graph: Graph
    classes: ClassMap
    task: Task
    normalisation: Normalisation
    fit: Fit
    size: tuple[int, int]
    architecture: str = ""
    encoder: str = ""
