"""What of a model fine-tuning holds still, and how it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from segport.adapters.storage.settings import CattrsCodec
from segport.application.settings import TrainSettings
from segport.application.training.parts import assemble
from segport.application.training.recipe import derive
from segport.domain.classes import ClassMap
from segport.domain.description import DatasetInfo
from segport.domain.errors import InvalidSpecError
from segport.domain.spec import Normalisation
from segport.domain.terms import Task
from segport.domain.training.tuning import Tuning
from segport.plugins.conformance.subject import small_spec
from segport.plugins.registry import Registry

DATA = Path("data")
GRAPH = small_spec().graph
INFO = DatasetInfo(
    name="shapes",
    task=Task.BINARY,
    channels=3,
    seed=0,
    split_sizes={"train": 100, "val": 10},
    mean=(0.5,) * 3,
    std=(0.2,) * 3,
    pixel_counts={"background": 10, "thing": 10},
    ignored_pixels=0,
    class_weights={"inverse": (1.0, 1.0), "median": (1.0, 1.0)},
    height=(64, 128, 256),
    width=(64, 128, 256),
    fingerprint="f",
)


def test_a_frozen_part_is_held_whole_and_nothing_else() -> None:
    held = Tuning(part="stem.").held(GRAPH, frozen=True)
    assert held == {name for name in GRAPH.weights() if name.startswith("stem.")}
    assert "stem.norm.running_var" in held
    assert Tuning(part="stem.").held(GRAPH, frozen=False) == frozenset()


def test_fixed_norms_are_held_all_the_time() -> None:
    norms = {f"stem.norm.{suffix}" for suffix in ("weight", "bias", "running_mean", "running_var")}
    assert Tuning(part="stem.", fixed_norms=True).held(GRAPH, frozen=False) == norms
    assert "stem.conv.weight" in Tuning(part="stem.", fixed_norms=True).held(GRAPH, frozen=True)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_is_above_zero(rate: float) -> None:
    with pytest.raises(InvalidSpecError, match="tuning"):
        Tuning(rate=rate)


@pytest.mark.parametrize(("written", "read"), [("always", "always"), ("3", 3), (3, 3), (0, 0)])
def test_epochs_are_a_number_or_always(written: Any, read: Any) -> None:
    settings = CattrsCodec().from_values(TrainSettings, {"data": "d", "freeze_encoder": written}, where="test")
    assert settings.freeze_encoder == read
    assert CattrsCodec().to_values(settings)["freeze_encoder"] == read


@pytest.mark.parametrize("written", ["never", "-1", -1, 1.5, True])
def test_other_epochs_are_refused(written: Any) -> None:
    with pytest.raises(InvalidSpecError, match="cannot be used") as caught:
        CattrsCodec().from_values(TrainSettings, {"data": "d", "freeze_encoder": written}, where="test")
    assert "a whole number" in caught.value.problems[0] and "always" in caught.value.problems[0]


def assembled(**settings: Any) -> Any:
    complete = derive(INFO, TrainSettings(DATA, backend="torch", epochs=7, **settings)).settings
    return assemble(Registry(), complete, INFO, ClassMap.binary("thing"))


@pytest.mark.parametrize(("asked", "epochs"), [(0, 0), (2, 2), ("always", 7)])
def test_settings_become_plans(asked: Any, epochs: int) -> None:
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    parts = assembled(freeze_encoder=asked, encoder_rate=0.1, freeze_norms=True, init_from=Path("run"))
    assert parts.loop.frozen_epochs == epochs
    assert parts.step.tuning == Tuning("encoder.", rate=0.1, fixed_norms=True)


@pytest.mark.parametrize("asked", [{"freeze_encoder": 1}, {"freeze_norms": True}, {"freeze_encoder": "always"}])
def test_random_weights_are_not_frozen(asked: dict[str, Any]) -> None:
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    with pytest.raises(InvalidSpecError, match="stay as random as it begins") as caught:
        assembled(**asked)
    assert "--encoder-weights imagenet" in caught.value.fix


def test_a_channel_that_is_the_same_everywhere_is_not_divided_by_its_deviation() -> None:
    """Pictures in blue alone have two of them."""
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    flat = attrs.evolve(INFO, mean=(0.0, 0.0, 0.5), std=(0.0, 0.0, 0.2))
    complete = derive(flat, TrainSettings(DATA, backend="torch", epochs=7)).settings
    normalisation = assemble(Registry(), complete, flat, ClassMap.binary("thing")).spec.normalisation
    assert normalisation == Normalisation((0.0, 0.0, 0.5), (1.0, 1.0, 0.2))
    assert all(np.isfinite(values).all() for values in normalisation.linear())


def test_one_training_image_does_not_fill_a_batch_of_two() -> None:
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    single = attrs.evolve(INFO, split_sizes={"train": 1, "val": 1})
    complete = derive(single, TrainSettings(DATA, backend="torch", model="deeplabv3", batch=2)).settings
    with pytest.raises(InvalidSpecError, match="batch = 2, and one training image"):
        assemble(Registry(), complete, single, ClassMap.binary("thing"))
