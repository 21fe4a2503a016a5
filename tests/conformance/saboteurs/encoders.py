"""Encoders broken on purpose."""

from __future__ import annotations

import numpy as np

from segport.adapters.reference.model import NumpyModel
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.operations import Conv
from segport.domain.errors import InvalidSpecError
from segport.plugins.conformance import graph_checks as graph
from segport.tests.conformance.saboteurs.kind import Saboteurs


class OnlyColour(Plain):
    def build(self, graph, image):
        if graph.channels(image) != 3:
            raise InvalidSpecError("three channels, please")
        return super().build(graph, image)


class Restless(Plain):
    drawn = [0]  # noqa: RUF012

    def build(self, graph, image):
        self.drawn[0] += 1
        last = super().build(graph, image)
        return [*last[:-1], graph.add(Conv(4 + self.drawn[0], kernel=1), last[-1], name="encoder.last")]


class NumpyFields(Plain):
    def build(self, graph, image):
        last = super().build(graph, image)
        return [*last[:-1], graph.add(Conv(np.int64(4), kernel=1), last[-1], name="encoder.last")]


class LosesTheImage(Plain):
    def build(self, graph, image):
        from segport.domain.architecture.operations import GlobalPool, Multiply

        found = super().build(graph, image)
        mean = graph.add(GlobalPool(), found[-1], name="encoder.mean")
        dead = graph.add(Conv(graph.channels(mean), kernel=1, init="zeros"), mean, name="encoder.dead")
        return [*found[:-1], graph.add(Multiply(), found[-1], dead, name="encoder.gone")]


class CoarsestFirst(Plain):
    def build(self, graph, image):
        return super().build(graph, image)[::-1]


class StartsAtAnEighth(Plain):
    def build(self, graph, image):
        return super().build(graph, image)[3:]


class CallsItBackbone(Plain):
    def build(self, graph, image):
        return [graph.add(Conv(4, kernel=3, padding=1), image, name="backbone.conv")]


CAUGHT_BY: dict[type, str] = {
    OnlyColour: "images_of_any_number_of_channels_are_taken",
    Restless: "the_same_options_draw_the_same_graph",
    NumpyFields: "its_graph_survives_the_round_trip_through_json",
    LosesTheImage: "the_reference_computes_it_and_it_sees_the_image",
    CoarsestFirst: "features_get_coarser_from_a_quarter_of_the_image_at_most",
    StartsAtAnEighth: "features_get_coarser_from_a_quarter_of_the_image_at_most",
    CallsItBackbone: "nodes_are_named_after_the_encoder",
}
ENCODERS = Saboteurs(CAUGHT_BY, graph.ENCODER_CHECKS, lambda part: graph.EncoderSubject(part(4), NumpyModel), Plain)
