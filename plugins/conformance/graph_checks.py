"""What every encoder and every architecture must do: they draw graphs, which are data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from attrs import field, frozen

from ...domain.architecture.builder import GraphBuilder
from ...domain.architecture.encoders.plain import Plain
from ...domain.architecture.graph import IMAGE, Graph
from ...domain.architecture.operations import Conv, Resize
from ...domain.architecture.published import ENCODER
from ...domain.architecture.weights import Weights, initialise
from ...domain.classes import ClassMap
from ...domain.ports.model import Architecture, Encoder, Model
from ...domain.resampling import Fit
from ...domain.samples import Task
from ...domain.spec import ModelSpec, Normalisation
from . import expect

_CHANNELS = (3, 1, 5)
_FINEST = (1, 2, 4)
_COMPUTED = 5_000_000
"""Models of more weights are not computed: NumPy would take too long."""

Reference = Callable[[ModelSpec, Weights], Model]


@frozen(eq=False)
class EncoderSubject:
    """An encoder under check; ``reference`` makes the model that computes a graph, the NumPy one."""

    encoder: Encoder
    reference: Reference

    def draw(self, channels: int = 3, outputs: int = 4) -> Graph:
        """Its graph, with a 1x1 convolution on the coarsest feature."""
        builder = GraphBuilder(channels)
        deepest = list(self.encoder.build(builder, IMAGE))[-1]
        logits = builder.add(Conv(outputs, kernel=1, bias=True), deepest, name="head")
        return builder.build([builder.add(Resize("bilinear"), logits, IMAGE, name="full")])


@frozen(eq=False)
class ArchitectureSubject:
    """An architecture under check; ``encoder`` is the one that it is put on, a small one of five stages."""

    architecture: Architecture
    reference: Reference
    encoder: Encoder = field(factory=lambda: Plain(width=4))

    def draw(self, channels: int = 3, outputs: int = 4) -> Graph:
        """Its graph."""
        return self.architecture.graph(channels=channels, outputs=outputs, encoder=self.encoder)


Drawn = EncoderSubject | ArchitectureSubject


def images_of_any_number_of_channels_are_taken(subject: Drawn) -> None:
    """Grey, colour, and more."""
    for channels in _CHANNELS:
        found = subject.draw(channels).channels
        expect.that(found == channels, f"a graph of {found} channels for images of {channels}")


def the_same_options_draw_the_same_graph(subject: Drawn) -> None:
    """Node by node, whatever was drawn before: first weights follow from seed and name."""
    expect.that(subject.draw() == subject.draw(), "two graphs drawn alike differ")


def its_graph_survives_the_round_trip_through_json(subject: Drawn) -> None:
    """A checkpoint holds it as text."""
    graph = subject.draw()
    expect.that(Graph.from_data(json.loads(json.dumps(graph.to_data()))) == graph, "another graph came back")


def the_reference_computes_it_and_it_sees_the_image(subject: Drawn) -> None:
    """With first weights: finite logits, not the same for different images."""
    graph = subject.draw()
    count = sum(math.prod(spec.shape) for spec in graph.weights().values())
    if count > _COMPUTED:
        raise expect.Lacking(f"a model of at most {_COMPUTED:,} weights, and this one has {count:,}")
    size = (2 * graph.stride, 3 * graph.stride)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype(np.uint8)
    spec = ModelSpec(
        graph,
        ClassMap.of(["sky", "sea", "land", "ice"]),
        Task.MULTICLASS,
        Normalisation((0.5,) * 3, (0.25,) * 3),
        Fit.NATIVE,
        size,
    )
    for logits in subject.reference(spec, initialise(graph, 0)).logits(images):
        expect.that(logits.shape in ((2, *size, 4), (2, 1, 1, 4)), f"logits of shape {logits.shape}")
        expect.that(bool(np.isfinite(logits).all()), "not all logits are finite")
        expect.that(not np.array_equal(logits[0], logits[1]), "two images have the same logits")


def features_get_coarser_from_a_quarter_of_the_image_at_most(subject: EncoderSubject) -> None:
    """Finest first; dilated ones may stay as fine as they are."""
    builder = GraphBuilder(3)
    scales = [builder.scale(feature) or 0 for feature in subject.encoder.build(builder, IMAGE)]
    words = ", ".join(f"1/{scale}" for scale in scales)
    expect.that(len(scales) > 0 and scales[0] in _FINEST, f"the first feature of {words} is not in 1/1, 1/2, 1/4")
    expect.that(all(b >= a for a, b in pairwise(scales)), f"features at {words} of the image do not get coarser")


def nodes_are_named_after_the_encoder(subject: EncoderSubject) -> None:
    """So that its weights are found, frozen, and taken from run to run."""
    builder = GraphBuilder(3)
    features = subject.encoder.build(builder, IMAGE)
    head = builder.add(Conv(1, kernel=1), features[-1], name="head")
    graph = builder.build([builder.add(Resize("bilinear"), head, IMAGE, name="full")])
    odd = [node.name for node in graph.nodes[1:-2] if not node.name.startswith(ENCODER)]
    expect.that(not odd, f"names that do not begin with {ENCODER!r}: {', '.join(odd[:3])}")


def outputs_have_a_logit_for_each_class(subject: ArchitectureSubject) -> None:
    """Of each pixel, or of the whole image."""
    for outputs in (1, 4):
        graph = subject.draw(outputs=outputs)
        size = (2 * graph.stride, 3 * graph.stride)
        shapes = graph.shapes(*size)
        for name in graph.outputs:
            found = shapes[name]
            fits = found in ((outputs, *size), (outputs, 1, 1))
            expect.that(fits, f"output {name!r} of {outputs} classes is {found} for an image of {size}")


def the_encoder_keeps_its_names(subject: ArchitectureSubject) -> None:
    """Its weights are called as everywhere else, so that pretrained ones fit."""
    alone = EncoderSubject(subject.encoder, subject.reference).draw().weights()
    here = {name: spec for name, spec in subject.draw().weights().items() if name.startswith(ENCODER)}
    expect.that(bool(here), f"no weight's name begins with {ENCODER!r}")
    odd = [name for name, spec in here.items() if alone.get(name) != spec]
    expect.that(not odd, f"the encoder has no such weights: {', '.join(odd[:3])}")


_DATA = (
    images_of_any_number_of_channels_are_taken,
    the_same_options_draw_the_same_graph,
    its_graph_survives_the_round_trip_through_json,
)
_EITHER = (*_DATA, the_reference_computes_it_and_it_sees_the_image)
ENCODER_CHECKS = (
    *_EITHER,
    features_get_coarser_from_a_quarter_of_the_image_at_most,
    nodes_are_named_after_the_encoder,
)
ARCHITECTURE_CHECKS = (*_EITHER, outputs_have_a_logit_for_each_class, the_encoder_keeps_its_names)
OF_ANY_ARCHITECTURE = (*_DATA, outputs_have_a_logit_for_each_class)
"""Whether it draws a graph or is one framework's own code."""
