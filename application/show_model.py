"""The service that shows a model before there is one: its nodes, parameters and cost for one image."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..domain import html
from ..domain.architecture.builder import GraphBuilder
from ..domain.architecture.graph import IMAGE, Graph
from ..domain.architecture.operations import GlobalPool
from ..domain.architecture.summary import Row, rows
from ..domain.choices import Choice
from ..domain.errors import InvalidSpecError, UnknownNameError
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.model import Encoder
from .natives import framework_of
from .settings import ShowModelSettings
from .tables import layer_table

ENCODER = Choice("resnet18")
CLASSES = 2


@frozen
class ModelReport:
    """What a model does with one image.

    Attributes:
        name: of the architecture or encoder, with options.
        encoder: of the architecture; None where an encoder itself is shown.
        layers: the nodes in order of computation.
        outputs: nodes that make logits, main one first; of an encoder its features, finest first.
        parameters: trainable ones.
        multiply_adds: of convolutions and attention; twice that in FLOPs. 0 of a native model, whose code nobody reads.
        stride: the multiple that height and width should have.
    """

    name: str
    encoder: str | None
    layers: tuple[Row, ...]
    outputs: tuple[Row, ...]
    parameters: int
    multiply_adds: int
    stride: int

    def _repr_html_(self) -> str:
        """In a notebook: what it costs, and the nodes."""
        cost = f"{self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds, stride {self.stride}"
        title = f"{self.name} on {self.encoder}" if self.encoder else self.name
        return html.shown(title, html.text(cost), html.table(layer_table(self.layers)))


@frozen
class ShowModel:
    """Draws the graph of an architecture on an encoder, or of an encoder alone. Needs no framework."""

    catalogue: Catalogue

    def __call__(self, settings: ShowModelSettings) -> ModelReport:
        """Raises UnknownNameError, and InvalidSpecError for options, an encoder or a size that do not fit."""
        name, choice = settings.name.name, settings.name
        channels, height, width = settings.input
        if name in self._known("encoder"):
            _refuse_options_of_architectures(settings)
            graph, outputs = _alone(self.catalogue.encoder(name, choice.options), channels)
            return _report(choice, None, rows(graph, height, width)[:-1], outputs, graph.stride)
        if name not in self._known("architecture"):
            known = (*self.catalogue.names("architecture"), *self.catalogue.names("encoder"))
            raise UnknownNameError.of("architecture or encoder", name, known)
        chosen = settings.encoder or ENCODER
        native = framework_of(self.catalogue, choice) and Choice("an encoder of its own")
        architecture = self.catalogue.architecture(name, choice.options)
        encoder = self.catalogue.encoder(chosen.name, chosen.options)
        graph = architecture.graph(channels=channels, outputs=settings.classes or CLASSES, encoder=encoder)
        return _report(choice, native or chosen, rows(graph, height, width), graph.outputs, graph.stride)

    def _known(self, kind: str) -> set[str]:
        return {name for part in self.catalogue.offered(kind) for name in (part.name, *part.aliases)}


def _refuse_options_of_architectures(settings: ShowModelSettings) -> None:
    given = {"encoder": settings.encoder, "classes": settings.classes}
    problems = [f"{name} = {value}: of an architecture" for name, value in given.items() if value is not None]
    if problems:
        fix = f"Leave it out, or show an architecture: segport models show unet --encoder {settings.name}"
        raise InvalidSpecError(f"{settings.name} is an encoder.", problems=problems, fix=fix)


def _alone(encoder: Encoder, channels: int) -> tuple[Graph, Sequence[str]]:
    """An encoder's graph, and its features. A graph needs an output: the mean of the last feature, its last node."""
    builder = GraphBuilder(channels)
    features = encoder.build(builder, IMAGE)
    return builder.build([builder.add(GlobalPool(), features[-1], name="mean")]), features


def _report(
    name: Choice, encoder: Choice | None, table: Sequence[Row], outputs: Sequence[str], stride: int
) -> ModelReport:
    by_name = {row.name: row for row in table}
    return ModelReport(
        name=str(name),
        encoder=None if encoder is None else str(encoder),
        layers=tuple(table),
        outputs=tuple(by_name[output] for output in outputs),
        parameters=sum(row.parameters for row in table),
        multiply_adds=sum(row.multiply_adds for row in table),
        stride=stride,
    )
