"""A native model, and the parts it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from ..architecture.builder import GraphBuilder
from ..architecture.graph import Graph
from ..architecture.weights import Weights
from ..arrays import Images, Logits
from ..spec import ModelSpec


class Model(Protocol):
    """A graph in a framework's own form, holding weights."""

    @property
    def spec(self) -> ModelSpec:
        """What it was built from."""
        ...

    @property
    def native(self) -> Any:
        """The framework's own object: a torch.nn.Module, a keras.Model."""
        ...

    @property
    def device(self) -> str:
        """Where it lies, in the framework's own words."""
        ...

    @property
    def precision(self) -> str:
        """The precision in use, never "auto"."""
        ...

    def logits(self, images: Images, *, training: bool = False) -> list[Logits]:
        """Every output of the graph, main one first, for uint8 images; normalisation is part of the model.

        ``training`` uses batch statistics in norms, and leaves the running ones alone.
        """
        ...

    def weights(self) -> Weights:
        """A copy, by canonical name and in canonical layout."""
        ...

    def load(self, weights: Weights) -> None:
        """Raises CheckpointError listing every missing, unknown or misshapen tensor; then nothing has changed."""
        ...


class Encoder(Protocol):
    """Adds a feature pyramid to a graph. An attrs class whose fields are its options.

    One that can be dilated has the field ``output_stride``: how many times smaller than the image its coarsest feature
    is, or None for as small as it gets; then an architecture that needs finer ones may set it.
    """

    def build(self, graph: GraphBuilder, image: str) -> Sequence[str]:
        """Node names of the features, finest first. The first has all of the image's size, half or a quarter."""
        ...


class Architecture(Protocol):
    """Draws a whole graph. An attrs class whose fields are its options."""

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """Raises InvalidSpecError when options and encoder do not fit together."""
        ...


@runtime_checkable
class NativeArchitecture(Protocol):
    """An architecture that is one framework's own code. An attrs class whose fields are its options.

    Its graph is a single node, an operation ``Native``, and only that framework's backend can build it.
    """

    def graph(self, *, channels: int, outputs: int, encoder: Encoder | None = None) -> Graph:
        """What is to be stored of the model. It has an encoder of its own, if any; the one given is not used."""
        ...

    def module(self, *, channels: int, outputs: int, first: bool) -> Any:
        """The framework's own object; for torch a Module from normalised (N, C, H, W) to logits (N, outputs, H, W).

        Args:
            channels: C.
            outputs: logits of each pixel.
            first: whether training begins with its weights. If not, others take their place: fetch none.
        """
        ...
