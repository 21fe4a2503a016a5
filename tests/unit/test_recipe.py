"""The recipe: every open setting is filled from what was measured, with a reason; what the user said is not touched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segport.application.settings import TrainSettings
from segport.application.training.parts import assemble
from segport.application.training.recipe import LARGEST_CROP, STRIDE, derive
from segport.domain.choices import Choice
from segport.domain.classes import ClassMap
from segport.domain.description import DatasetInfo
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.backend import Capability
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.plugins.manager import Offer
from segport.plugins.registry import Registry

DATA = Path("shapes")
LEFT_OPEN = {"run", "init_from", "encoder_weights", "output_weights"}
"""Settings whose None means something of its own: a new folder, seeded weights (twice), halved ones."""
DERIVED = {f.name for f in attrs.fields(TrainSettings) if f.default is None} - LEFT_OPEN


def info(*, task: Task = Task.BINARY, train: int = 100, height: int = 128, width: int = 128) -> DatasetInfo:
    return DatasetInfo(
        name="shapes",
        task=task,
        channels=3,
        seed=0,
        split_sizes={"train": train, "val": 10},
        mean=(0.5,) * 3,
        std=(0.2,) * 3,
        pixel_counts={"background": 10, "thing": 10},
        ignored_pixels=0,
        class_weights={"inverse": (1.0, 1.0), "median": (1.0, 1.0)},
        height=(height // 2, height, height * 2),
        width=(width // 2, width, width * 2),
        fingerprint="f",
    )


INFOS = st.builds(
    info,
    task=st.sampled_from(Task),
    train=st.integers(2, 20_000),
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
)

GIVEN: dict[str, Any] = {
    "model": Choice("unet", {"dropout": 0.1}),
    "encoder": Choice("plain"),
    "fit": Fit.STRETCH,
    "size": (64, 96),
    "batch": 3,
    "epochs": 7,
    "loss": Choice("focal"),
    "class_weights": "median",
    "optimizer": Choice("sgd"),
    "rate": 0.3,
    "schedule": Choice("step"),
    "warmup": 0,
    "clip": 0.0,
    "augment": Choice("none"),
    "normalisation": "imagenet",
    "monitor": "f1",
    "patience": 4,
}


@given(INFOS)
def test_every_open_setting_is_filled_with_a_reason(known: DatasetInfo) -> None:
    recipe = derive(known, TrainSettings(DATA))
    assert set(recipe.reasons) == DERIVED
    assert all(getattr(recipe.settings, name) is not None for name in DERIVED)
    assert all(reason and not reason.endswith(".") for reason in recipe.reasons.values())
    assert derive(known, recipe.settings) == attrs.evolve(recipe, reasons={})


@given(INFOS)
def test_sizes_fit_the_model_and_the_images(known: DatasetInfo) -> None:
    settings = derive(known, TrainSettings(DATA)).settings
    assert settings.size and settings.batch
    for side, median in zip(settings.size, (known.height[1], known.width[1]), strict=True):
        assert side % STRIDE == 0 and STRIDE <= side <= LARGEST_CROP and side < median + STRIDE
    assert 1 <= settings.batch <= max(1, known.split_sizes["train"])


@settings(max_examples=20)
@given(INFOS)
def test_a_derived_recipe_can_be_built(known: DatasetInfo) -> None:
    """Every derived name and value is one that the parts accept; a fake stands for the framework."""
    classes = ClassMap.binary("thing") if known.task is Task.BINARY else ClassMap.of(["background", "thing"])
    parts = assemble(CATALOGUE, derive(known, TrainSettings(DATA, backend="fake")).settings, known, classes)
    assert parts.spec.graph.outputs and parts.step.output_weights == (1.0,)
    assert parts.loop.epochs >= 5


def test_a_backend_that_does_not_train_is_refused_with_those_left() -> None:
    classes = ClassMap.binary("thing")
    complete = derive(info(), TrainSettings(DATA, backend="viewer")).settings
    with pytest.raises(InvalidSpecError, match="'viewer' evaluates and predicts, but does not train") as caught:
        assemble(CATALOGUE, complete, info(), classes)
    assert "other, slow" in caught.value.fix


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_step_is_as_deterministic_as_asked(deterministic: bool) -> None:
    settings = derive(info(), TrainSettings(DATA, backend="fake", deterministic=deterministic)).settings
    assert assemble(CATALOGUE, settings, info(), ClassMap.binary("thing")).step.deterministic is deterministic


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_what_the_user_says_wins_and_is_given_no_reason(name: str) -> None:
    recipe = derive(info(), TrainSettings(DATA, **{name: GIVEN[name]}))
    assert getattr(recipe.settings, name) == GIVEN[name]
    assert set(recipe.reasons) == DERIVED - {name}


def test_all_given_leaves_nothing_to_derive() -> None:
    settings = TrainSettings(DATA, **GIVEN)
    assert derive(info(), settings).settings == settings
    assert derive(info(), settings).reasons == {}


def test_the_task_chooses_the_loss() -> None:
    chosen = {task: derive(info(task=task), TrainSettings(DATA)).settings.loss for task in Task}
    assert chosen == {
        Task.BINARY: Choice("bce-dice"),
        Task.MULTILABEL: Choice("bce-dice"),
        Task.MULTICLASS: Choice("ce-dice"),
        Task.CLASSIFICATION: Choice("cross-entropy"),
    }


def test_a_classifier_on_a_trained_encoder_is_tuned_gently_and_not_for_long() -> None:
    known = info(task=Task.CLASSIFICATION)
    fresh, tuned = (
        derive(known, TrainSettings(DATA, encoder_weights=weights)).settings for weights in (None, "imagenet")
    )
    assert fresh.rate and tuned.rate and tuned.rate < fresh.rate
    assert fresh.epochs and tuned.epochs and tuned.epochs < fresh.epochs
    assert (fresh.model, fresh.fit, fresh.monitor) == (Choice("classifier"), Fit.CROP, "accuracy")


def test_the_reason_for_class_weights_speaks_of_dice_only_where_it_is() -> None:
    reasons = {loss: derive(info(), TrainSettings(DATA, loss=loss)).reasons["class_weights"] for loss in (None, "bce")}
    assert "Dice" in reasons[None]
    assert reasons["bce"] == "every pixel counts the same"


def test_the_optimizer_chooses_the_rate() -> None:
    rates = [derive(info(), TrainSettings(DATA, optimizer=Choice(n))).settings.rate for n in ("sgd", "adam", "adamw")]
    assert rates[0] > rates[1] == rates[2]


def test_small_and_large_sets_get_about_as_many_updates() -> None:
    for train in (100, 400, 2000):
        settings = derive(info(train=train), TrainSettings(DATA)).settings
        assert settings.epochs and settings.batch
        assert 2500 <= settings.epochs * (train // settings.batch) <= 3500


def test_the_reason_for_the_epochs_says_what_they_come_to() -> None:
    for images, words in ((10, "1 update per epoch, 300 in all; the most"), (100, "12 updates per epoch, 3000 in all")):
        reasons = derive(info(train=images), TrainSettings(DATA)).reasons
        assert reasons["epochs"].startswith(words)
    assert derive(info(train=10), TrainSettings(DATA, epochs=5)).reasons["warmup"] == "there are few updates"


def test_accumulation_asks_for_more_epochs() -> None:
    one, four = (derive(info(train=1000), TrainSettings(DATA, accumulate=n)).settings.epochs for n in (1, 4))
    assert one and four and four > 3 * one


def test_huge_images_are_shrunk_and_others_are_cropped() -> None:
    assert derive(info(height=300, width=900), TrainSettings(DATA)).settings.fit is Fit.NATIVE
    assert derive(info(height=1500, width=2000), TrainSettings(DATA)).settings.fit is Fit.LETTERBOX


class _Catalogue(Registry):
    """The built-in formulas, and frameworks that do nothing, of which "fake" has the capability to train."""

    def backend(self, name: str, options: Any = None) -> Any:
        return SimpleNamespace(name=name, capabilities={Capability.TRAINING} if name == "fake" else set())

    def names(self, kind: str) -> Sequence[str]:
        return ["other", "slow", "viewer"] if kind == "backend" else super().names(kind)


def _formulas() -> Offer:
    from segport.plugins.manager import discover

    return discover(disabled=["torch", "tensorflow", "data"])


CATALOGUE = _Catalogue(_formulas)


def test_where_the_encoder_cannot_forget_the_new_layer_learns_at_the_usual_rate() -> None:
    known = info(task=Task.CLASSIFICATION)
    frozen, thawed = (
        derive(known, TrainSettings(DATA, encoder_weights="imagenet", freeze_encoder=epochs)).settings
        for epochs in ("always", 3)
    )
    assert (frozen.rate, thawed.rate) == (1e-3, 1e-4)
