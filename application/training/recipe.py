"""Good defaults, derived from what ``prepare`` measured. A setting the user gave always wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs
from attrs import frozen

from ...domain.choices import Choice
from ...domain.description import DatasetInfo
from ...domain.resampling import Fit
from ...domain.samples import Task
from ...domain.spec import ModelSpec, imagenet
from ..settings import TrainSettings

Rule: TypeAlias = Callable[[DatasetInfo, TrainSettings], tuple[Any, str]]

STRIDE = 32
"""Deepest encoder stride of the defaults; training sizes are multiples of it."""
LARGEST_CROP = 256
CLASSIFIED = 224
"""Side of the images that a classifier sees, as of those that published encoders were trained on."""
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 300
UPDATES = 3000
"""Updates a small run needs to converge from scratch; epochs are chosen to give about as many."""
CLASSIFIER_UPDATES = 1500
TUNING = 8
"""How many times fewer updates a classifier needs whose encoder has been trained before."""


@frozen
class Recipe:
    """Complete settings, and for each derived one the reason."""

    settings: TrainSettings
    reasons: Mapping[str, str]


def derive(info: DatasetInfo, settings: TrainSettings, source: ModelSpec | None = None) -> Recipe:
    """Fills in every setting that is None; model and encoder as those of ``source``, where weights come from it."""
    reasons: dict[str, str] = {}
    for name, rule in (*_rules_of(source, info.task), *_RULES, ("normalisation", _normalisation(source))):
        if getattr(settings, name) is None:
            value, reason = rule(info, settings)
            settings = attrs.evolve(settings, **{name: value})
            reasons[name] = reason
    return Recipe(settings, reasons)


def _rules_of(source: ModelSpec | None, task: Task) -> Iterator[tuple[str, Rule]]:
    """Of a classifier and a model for masks, one takes over no more than the other's encoder."""
    written = {"model": source.architecture, "encoder": source.encoder} if source else {}
    if source is not None and (source.task is Task.CLASSIFICATION) != (task is Task.CLASSIFICATION):
        written.pop("model")
    return ((name, _as_written(text)) for name, text in written.items() if text)


def _as_written(text: str) -> Rule:
    return lambda info, settings: (Choice.of(text), f"that of {settings.init_from or settings.encoder_weights}")


def _normalisation(source: ModelSpec | None) -> Rule:
    """ImageNet's where the weights were trained with it, since they expect nothing else."""

    def rule(info: DatasetInfo, settings: TrainSettings) -> tuple[str, str]:
        if source is not None and source.normalisation == imagenet(source.graph.channels):
            return "imagenet", f"that of {settings.init_from or settings.encoder_weights}"
        if source is None and settings.encoder_weights is not None:
            return "imagenet", "what published encoders were trained with"
        return "dataset", "the statistics of the training images"

    return rule


def _model(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    if info.task is Task.CLASSIFICATION:
        return Choice("classifier"), "one class an image"
    return Choice("unet"), "a strong baseline on most segmentation tasks"


def _encoder(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    return Choice("resnet18"), "trains from scratch in minutes on a CPU"


def _fit(info: DatasetInfo, settings: TrainSettings) -> tuple[Fit, str]:
    if info.task is Task.CLASSIFICATION:
        return Fit.CROP, "what an image shows is mostly in its middle"
    if max(info.height[1], info.width[1]) > 4 * LARGEST_CROP:
        return Fit.LETTERBOX, f"the median image is {info.height[1]}x{info.width[1]}: a crop would see too little of it"
    return Fit.NATIVE, f"the median image is {info.height[1]}x{info.width[1]}: crops keep its full resolution"


def _size(info: DatasetInfo, settings: TrainSettings) -> tuple[tuple[int, int], str]:
    if info.task is Task.CLASSIFICATION:
        side = min(CLASSIFIED, _up(min(info.height[1], info.width[1])))
        return (side, side), f"a multiple of {STRIDE}, at most {CLASSIFIED}, no larger than the median image"
    side = min(LARGEST_CROP, *(_up(median) for median in (info.height[1], info.width[1])))
    size = (min(side, _up(info.height[1])), min(side, _up(info.width[1])))
    return size, f"a multiple of {STRIDE}, at most {LARGEST_CROP}, no larger than the median image"


def _up(pixels: int) -> int:
    return -(-pixels // STRIDE) * STRIDE


def _batch(info: DatasetInfo, settings: TrainSettings) -> tuple[int, str]:
    training = info.split_sizes.get("train", 1)
    largest = 16 if info.task is Task.CLASSIFICATION else 8
    return max(1, min(largest, training)), f"{training} training images"


def _epochs(info: DatasetInfo, settings: TrainSettings) -> tuple[int, str]:
    assert settings.batch is not None
    steps = max(1, info.split_sizes.get("train", 1) // settings.batch // settings.accumulate)
    wanted = round(_updates(info, settings) / steps)
    epochs = max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, wanted))
    bound = "the most" if epochs < wanted else "the fewest" if epochs > wanted else ""
    reason = f"{steps} update{'s' * (steps > 1)} per epoch, {epochs * steps} in all"
    return epochs, f"{reason}; {bound} that are chosen unasked" if bound else reason


def _updates(info: DatasetInfo, settings: TrainSettings) -> int:
    if info.task is not Task.CLASSIFICATION:
        return UPDATES
    return CLASSIFIER_UPDATES // TUNING if _tunes(settings) else CLASSIFIER_UPDATES


def _tunes(settings: TrainSettings) -> bool:
    """Whether training begins with weights of another model."""
    return settings.encoder_weights is not None or settings.init_from is not None


def _loss(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    if info.task is Task.BINARY:
        return Choice("bce-dice"), "binary: cross-entropy for calibration, Dice for overlap"
    if info.task.planes:
        return Choice("bce-dice"), "each class by itself: cross-entropy for calibration, Dice for overlap"
    if info.task is Task.CLASSIFICATION:
        return Choice("cross-entropy"), "one class an image: there is no overlap to optimise"
    return Choice("ce-dice"), "multiclass: cross-entropy for calibration, Dice for overlap"


def _class_weights(info: DatasetInfo, settings: TrainSettings) -> tuple[str, str]:
    if info.task is Task.CLASSIFICATION:
        return "none", "every image counts the same, as in the accuracy"
    if settings.loss is not None and settings.loss.name.endswith("-dice"):
        return "none", "the Dice term already balances the classes"
    return "none", "every pixel counts the same"


def _optimizer(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    return Choice("adamw", {"weight_decay": 0.01}), "robust to the choice of rate"


def _rate(info: DatasetInfo, settings: TrainSettings) -> tuple[float, str]:
    assert settings.optimizer is not None
    gently = _tunes(settings) and settings.freeze_encoder != "always"
    if info.task is Task.CLASSIFICATION and gently and settings.optimizer.name != "sgd":
        return 1e-4, "small, so that few images do not undo what the encoder knows"
    if settings.optimizer.name == "sgd":
        return 0.05, "usual for sgd with norms"
    return 1e-3, f"usual for {settings.optimizer.name}"


def _schedule(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    return Choice("cosine"), "needs no tuning of milestones"


def _warmup(info: DatasetInfo, settings: TrainSettings) -> tuple[int, str]:
    assert settings.batch is not None and settings.epochs is not None
    steps = max(1, info.split_sizes.get("train", 1) // settings.batch // settings.accumulate)
    updates = min(100, steps * settings.epochs // 10)
    return updates, "norm statistics settle before full steps are taken" if updates else "there are few updates"


def _clip(info: DatasetInfo, settings: TrainSettings) -> tuple[float, str]:
    return 5.0, "stops a single odd batch from undoing an epoch"


def _augment(info: DatasetInfo, settings: TrainSettings) -> tuple[Choice, str]:
    if info.task is Task.CLASSIFICATION:
        return Choice("light"), "mirroring, a little scale and light: what is to be named stays in sight"
    return Choice("standard"), "flips, scale, rotation and mild colour changes"


def _monitor(info: DatasetInfo, settings: TrainSettings) -> tuple[str, str]:
    if info.task is Task.CLASSIFICATION:
        return "accuracy", "the share of images that are right"
    return "miou", "judges all classes alike"


def _patience(info: DatasetInfo, settings: TrainSettings) -> tuple[int, str]:
    return 0, "the schedule ends the run; the best epoch is kept anyway"


_RULES: tuple[tuple[str, Rule], ...] = (
    ("model", _model),
    ("encoder", _encoder),
    ("fit", _fit),
    ("size", _size),
    ("batch", _batch),
    ("epochs", _epochs),
    ("loss", _loss),
    ("class_weights", _class_weights),
    ("optimizer", _optimizer),
    ("rate", _rate),
    ("schedule", _schedule),
    ("warmup", _warmup),
    ("clip", _clip),
    ("augment", _augment),
    ("monitor", _monitor),
    ("patience", _patience),
)
