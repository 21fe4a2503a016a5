"""Architectures broken on purpose."""

from __future__ import annotations

from segport.adapters.reference.model import NumpyModel
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.plugins.conformance import graph_checks as graph
from segport.tests.conformance.saboteurs.kind import Saboteurs


class AlwaysTwoClasses(UNet):
    def graph(self, *, channels, outputs, encoder):
        return super().graph(channels=channels, outputs=2, encoder=encoder)


class DrawsItsOwnEncoder(UNet):
    def graph(self, *, channels, outputs, encoder):
        return super().graph(channels=channels, outputs=outputs, encoder=Plain(width=6))


CAUGHT_BY: dict[type, str] = {
    AlwaysTwoClasses: "outputs_have_a_logit_for_each_class",
    DrawsItsOwnEncoder: "the_encoder_keeps_its_names",
}
ARCHITECTURES = Saboteurs(
    CAUGHT_BY, graph.ARCHITECTURE_CHECKS, lambda part: graph.ArchitectureSubject(part(), NumpyModel), UNet
)
