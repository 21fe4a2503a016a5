"""Fine-tuning: one part of a model, its pretrained encoder, trained with more care than the rest."""

from __future__ import annotations

from attrs import frozen

from ..architecture.graph import Graph
from ..architecture.operations import Norm
from ..architecture.published import ENCODER
from ..ranges import outside, reject


@frozen
class Tuning:
    """How a part is trained. The default trains it as all the rest.

    Attributes:
        part: what the names of its tensors begin with.
        rate: times the step's rate, for the part; above 0.
        fixed_norms: its batch norms keep scale, shift and running statistics, and normalise by these in training too.
    """

    part: str = ENCODER
    rate: float = 1.0
    fixed_norms: bool = False

    def __attrs_post_init__(self) -> None:
        reject("tuning", [outside("rate", self.rate, 0, above=True)])

    def covers(self, name: str) -> bool:
        """Whether a tensor belongs to the part."""
        return name.startswith(self.part)

    def held(self, graph: Graph, *, frozen: bool) -> frozenset[str]:
        """The tensors that stay as they are, running statistics among them: all of the part while it is frozen."""
        norms = {node.name for node in graph.nodes if isinstance(node.operation, Norm)}
        inside = (name for name in graph.weights() if self.covers(name))
        return frozenset(name for name in inside if frozen or (self.fixed_norms and name.rpartition(".")[0] in norms))
