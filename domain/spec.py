"""Everything a set of weights needs to be used: graph, classes, task, normalisation, geometry."""

from __future__ import annotations

from attrs import frozen

from .architecture.graph import Graph
from .classes import ClassMap
from .resampling import Fit
from .samples import Task


@frozen
class Normalisation:
    """Per channel: (pixel / 255 - mean) / std, done on the device."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


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
