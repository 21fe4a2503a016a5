"""The kit for models that are torch's own code: a small honest one, and ones broken on purpose."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from attrs import frozen
from torch import nn

from segport.adapters.reference.backend import ReferenceBackend
from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.native import native_graph
from segport.domain.choices import Choice
from segport.plugins.conformance import native_checks as native
from segport.plugins.conformance import run_check

STRIDE = 4


class Small(nn.Module):
    """What torch's own code may hold: norms with counters, dropout, a kernel that is used twice."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, STRIDE, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.1))
        self.again = self.stem[0]
        self.head = nn.Conv2d(8, outputs, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(self.head(self.stem(images)), scale_factor=STRIDE, mode="bilinear")


class Blind(Small):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.zeros_like(images))


class Forgetful(Small):
    """Its logits depend on what is not stored."""

    trained = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.trained += self.training
        return super().forward(images) * (1 + self.trained)


class Cumulative(Small):
    """Its running statistics are means over all steps, by a count that is not stored."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(channels, outputs)
        self.stem[1].momentum = None


class Stubborn(Small):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).detach() + 0 * self.head.weight.sum()


@frozen
class Honest:
    """A stem and a head.

    Attributes:
        wide: nothing, but it is an option.
    """

    wide: bool = False
    made = Small

    def graph(self, *, channels, outputs, encoder=None):
        module = self.module(channels=channels, outputs=outputs, first=False)
        return native_graph(Choice("mine"), module, channels=channels, outputs=outputs, stride=STRIDE)

    def module(self, *, channels, outputs, first):
        return self.made(channels, outputs)


class OfAnother(Honest):
    def graph(self, **sizes: Any):
        data = super().graph(**sizes).to_data()
        data["nodes"][1][3]["framework"] = "tensorflow"
        return type(super().graph(**sizes)).from_data(data)


class Grey(Honest):
    def graph(self, *, channels, outputs, encoder=None):
        return super().graph(channels=1, outputs=outputs)


class Unlike(Honest):
    def graph(self, *, channels, outputs, encoder=None):
        name = Choice("mine", {"a": np.random.default_rng().random()})
        return native_graph(name, Small(channels, outputs), channels=channels, outputs=outputs, stride=STRIDE)


class Fleeting(Honest):
    def graph(self, **sizes: Any):
        graph = super().graph(**sizes)
        object.__setattr__(graph.nodes[1].operation, "channels", np.int64(graph.nodes[1].operation.channels))
        object.__setattr__(graph.nodes[1].operation, "architecture", 1j)
        return graph


class OneTooMany(Honest):
    def graph(self, *, channels, outputs, encoder=None):
        return super().graph(channels=channels, outputs=outputs + 1)


class Constant(Honest):
    def module(self, *, channels, outputs, first):
        module = super().module(channels=channels, outputs=outputs, first=first)
        for parameter in module.parameters():
            nn.init.constant_(parameter, 0.1)
        return module


def made_of(module: type[nn.Module]) -> type:
    return type(module.__name__, (Honest,), {"made": module})


class Obliging(ReferenceBackend):
    def build(self, *arguments: Any, **options: Any) -> Any:
        return object()


SABOTEURS = {
    Grey: "images_of_any_number_of_channels_are_taken",
    Unlike: "the_same_options_draw_the_same_graph",
    Fleeting: "its_graph_survives_the_round_trip_through_json",
    OneTooMany: "outputs_have_a_logit_for_each_class",
    OfAnother: "its_graph_is_native_to_the_framework_it_is_offered_for",
    Constant: "first_weights_follow_from_the_seed",
    made_of(Blind): "its_framework_computes_it_and_it_sees_the_image",
    made_of(Forgetful): "all_that_its_logits_depend_on_is_stored",
    made_of(Cumulative): "an_interrupted_training_goes_on_as_if_it_had_not_been",
    made_of(Stubborn): "it_learns",
}
CHECKS = {check.__name__: check for check in native.CHECKS}


def subject(part: type, *others: Any) -> native.NativeSubject:
    backend = TorchBackend(architectures=lambda name, options: part())
    return native.NativeSubject(part(), "torch", backend, (ReferenceBackend(), *others))


def test_an_honest_model_passes() -> None:
    made = subject(Honest)
    assert [str(o) for o in (run_check(check, made) for check in native.CHECKS) if not o.passed] == []


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda part: part.__name__)
def test_is_caught(saboteur: type) -> None:
    problem = run_check(CHECKS[SABOTEURS[saboteur]], subject(saboteur)).problem
    assert problem and not problem.startswith(("AttributeError", "NameError", "KeyError", "ImportError"))


def test_a_backend_that_builds_anything_is_caught() -> None:
    outcome = run_check(native.other_backends_refuse_it_by_name, subject(Honest, Obliging()))
    assert "reference builds it, though it is native to torch" in outcome.problem


def test_every_check_catches_a_saboteur_and_every_function_is_a_check() -> None:
    written = {name for name, f in inspect.getmembers(native, inspect.isfunction) if f.__module__ == native.__name__}
    assert {name for name in written if not name.startswith("_")} <= set(CHECKS)
    assert set(CHECKS) == {*SABOTEURS.values(), "other_backends_refuse_it_by_name"}
