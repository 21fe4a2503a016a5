"""A model that is torch's own code, brought by a plugin: trained, interrupted, evaluated, and refused elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import frozen
from torch import nn

from segport import EvaluateSettings, Settings, Toolkit, TrainSettings
from segport.adapters.storage.checkpoint import load_checkpoint
from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.native import native_graph
from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError, RunInterruptedError, UnknownNameError
from segport.domain.events import EpochDone
from segport.plugins import Entry, Kind, hookimpl
from segport.plugins.conformance import checks_of

STRIDE = 8


@frozen
class Strided:
    """A strided stem and a head.

    Attributes:
        width: channels of the stem.
    """

    width: int = 8

    def graph(self, *, channels, outputs, encoder=None):
        module = self.module(channels=channels, outputs=outputs, first=False)
        name = Choice("strided", {"width": self.width})
        return native_graph(name, module, channels=channels, outputs=outputs, stride=STRIDE)

    def module(self, *, channels, outputs, first):
        return nn.Sequential(
            nn.Conv2d(channels, self.width, STRIDE, STRIDE),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
            nn.Dropout2d(0.1),
            nn.ConvTranspose2d(self.width, outputs, STRIDE, STRIDE),
        )


@hookimpl
def segport_architectures():
    return [Entry(Kind.ARCHITECTURE, "strided", "A stem and a head", lambda: Strided, framework="torch")]


@pytest.fixture(scope="module")
def toolkit() -> Toolkit:
    return Toolkit(Settings((), [("mine", SimpleNamespace(segport_architectures=segport_architectures))]))


@pytest.fixture
def settings(prepared: Path, tmp_path: Path) -> dict[str, Any]:
    size, rate = {"size": (64, 64), "batch": 4, "epochs": 3}, {"rate": 0.01, "ema": 0.5, "workers": 1}
    return {"data": prepared, "run": tmp_path / "run", "model": "strided:width=6", **size, **rate}


def train(toolkit: Toolkit, settings: dict[str, Any], **calls: Any) -> Any:
    return toolkit.train(toolkit.codec.from_values(TrainSettings, settings, where="test"), **calls)


def evaluate(toolkit: Toolkit, run: Path, **more: Any) -> Any:
    asked = {"run": run, "split": "test", "panels": 0, **more}
    return toolkit.evaluate(toolkit.codec.from_values(EvaluateSettings, asked, where="test"))


def losses(run: Path) -> list[str]:
    with (run / "metrics.csv").open(newline="") as file:
        return [row["train_loss"] for row in csv.DictReader(file)]


def test_it_passes_the_kit(toolkit: Toolkit) -> None:
    outcomes = [case.outcome() for case in checks_of("strided", registry=toolkit.registry)]
    assert {"it learns", "other backends refuse it by name"} <= {outcome.sentence for outcome in outcomes}
    assert [str(outcome) for outcome in outcomes if outcome.problem] == []


def test_an_interrupted_run_ends_with_the_bytes_of_an_undisturbed_one(
    toolkit: Toolkit, settings: dict[str, Any], tmp_path: Path
) -> None:
    train(toolkit, settings)
    whole, parted, done = settings["run"], tmp_path / "parted", []
    with pytest.raises(RunInterruptedError):
        train(
            toolkit,
            {**settings, "run": parted},
            listen=lambda event: done.append(event) if isinstance(event, EpochDone) else None,
            stop=lambda: bool(done),
        )
    assert len(losses(parted)) == 1
    toolkit.train.resume(parted)
    assert losses(parted) == losses(whole)
    found, wanted = (load_checkpoint(run / "checkpoints" / "last.safetensors") for run in (parted, whole))
    assert found.spec.graph.native == wanted.spec.graph.native
    for name, array in wanted.weights.items():
        np.testing.assert_array_equal(found.weights[name], array, err_msg=name)


def test_its_checkpoint_says_who_makes_it_and_holds_what_training_moves(
    toolkit: Toolkit, settings: dict[str, Any]
) -> None:
    train(toolkit, {**settings, "epochs": 1})
    checkpoint = load_checkpoint(settings["run"] / "checkpoints" / "last.safetensors")
    native = checkpoint.spec.graph.native
    assert native is not None
    assert (native.framework, native.architecture) == ("torch", "strided:width=6")
    assert (checkpoint.spec.architecture, checkpoint.spec.encoder) == ("strided:width=6", "")
    trained = {spec.suffix for spec in native.arrays if spec.trainable}
    assert trained == {"0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias"}
    assert {spec.suffix for spec in native.arrays} - trained == {"1.running_mean", "1.running_var"}


def test_it_is_evaluated_and_predicts_where_it_is_at_home_alone(toolkit: Toolkit, settings: dict[str, Any]) -> None:
    train(toolkit, settings)
    scores = {score.name: score.value for score in evaluate(toolkit, settings["run"]).scores}
    assert 0 < scores["miou"] < 1
    for other in ("tensorflow", "reference"):
        with pytest.raises(InvalidSpecError, match=f"native to torch: the {other} backend cannot run it") as refused:
            evaluate(toolkit, settings["run"], backend=other)
        assert "strided:width=6" in str(refused.value)
        assert "--backend torch" in str(refused.value)


def test_another_framework_does_not_train_it_and_leaves_no_run(toolkit: Toolkit, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpecError, match="native to torch"):
        train(toolkit, {**settings, "backend": "tensorflow"})
    assert not settings["run"].exists()


def test_settings_of_segports_encoders_are_refused_together(toolkit: Toolkit, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpecError, match="brings an encoder of its own") as refused:
        train(toolkit, {**settings, "encoder": "resnet18", "encoder_rate": 0.1})
    assert "encoder = resnet18, encoder_rate = 0.1" in str(refused.value)


def test_without_its_plugin_a_run_says_which_name_is_missing(toolkit: Toolkit, settings: dict[str, Any]) -> None:
    train(toolkit, {**settings, "epochs": 1})
    with pytest.raises(UnknownNameError, match="'strided'"):
        evaluate(Toolkit(), settings["run"])
    spec = load_checkpoint(settings["run"] / "checkpoints" / "last.safetensors").spec
    with pytest.raises(InvalidSpecError, match="has not been told who makes"):
        TorchBackend().build(spec, {})


def test_a_new_run_takes_over_what_fits(toolkit: Toolkit, settings: dict[str, Any], tmp_path: Path) -> None:
    train(toolkit, {**settings, "epochs": 1})
    again = {**settings, "run": tmp_path / "again", "init_from": settings["run"], "epochs": 1}
    del again["model"]
    report = train(toolkit, again)
    assert not report.transferred.reinitialised
    assert toolkit.registry.architecture("strided", {}).graph(channels=3, outputs=2).native


def test_a_parameter_that_is_not_trained_is_refused() -> None:
    module = nn.Conv2d(3, 2, 1)
    module.bias.requires_grad_(False)
    with pytest.raises(InvalidSpecError, match="need no gradient: bias"):
        native_graph(Choice("mine"), module, channels=3, outputs=2)
