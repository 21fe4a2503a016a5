"""What can be asked of training. Every field is a flag, a TOML key and a Python argument of the same name.

``None`` means: derived from the data set by the recipe, which prints and records its reasons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen
from attrs.converters import optional
from attrs.validators import ge, gt, in_, lt
from attrs.validators import optional as either

from ..domain.choices import Choice
from ..domain.terms import Fit, Precision
from .checking import checked, setting, to_choice, to_choices, to_path, told

DEFAULT_BACKEND = Choice("torch")


def _epochs(settings: object, field: attrs.Attribute[Any], value: int | str) -> None:
    if value != "always" and (isinstance(value, str) or value < 0):
        raise ValueError(f"'{field.name}' must be a whole number of epochs, or 'always': {value}")


@checked
@frozen
class TrainSettings:
    """Train a model on a prepared data set. With no flags, a recipe derived from the data set is used."""

    data: Path = field(converter=to_path, metadata=told("Prepared data set."))
    run: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Folder of the run; runs/<data set>-001 and so on by default."),
    )
    backend: Choice = field(
        default=DEFAULT_BACKEND,
        converter=to_choice,
        metadata=told("Framework: torch, tf, or a plugin's, with options, e.g. tf:jit_compile=true.", group="Compute"),
    )
    device: str = setting("auto, cpu, cuda, cuda:1 ...", "auto", group="Compute")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.", group="Compute")
    )
    workers: int = setting("Loader threads.", 2, check=ge(1), group="Compute")
    cache: bool = setting("Keep decoded images in memory or a memory-mapped file.", True, group="Compute")
    deterministic: bool = setting(
        "The same bytes from the same seed, at the price of slower kernels on a GPU.", True, group="Compute"
    )
    track: tuple[Choice, ...] = field(
        default=(Choice("log"),),
        converter=to_choices,
        metadata=told(
            "Who hears of each epoch: log (log.txt in the run), tensorboard, or a plugin's.", group="Compute"
        ),
    )
    model: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Architecture, e.g. unet or unet:deep_supervision=true.", group="Model"),
    )
    encoder: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Encoder, e.g. resnet18 or plain:width=32,depth=5.", group="Model"),
    )
    init_from: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told(
            "Run, .safetensors or .pth file whose weights to begin with, where names and shapes match.", group="Model"
        ),
    )
    encoder_weights: str | None = setting(
        "Weights the encoder begins with: imagenet (fetched once), or a run, .safetensors or .pth file.",
        None,
        group="Model",
    )
    normalisation: str | None = setting(
        "Mean and deviation that images are normalised by: the dataset's, or imagenet's.",
        None,
        check=either(in_(("dataset", "imagenet"))),
        group="Data",
    )
    freeze_encoder: int | Literal["always"] = setting(
        "Epochs at the beginning, or always, in which the encoder stays as it is.", 0, check=_epochs, group="Tuning"
    )
    freeze_norms: bool = setting(
        "The encoder's batch norms keep statistics, scale and shift all the time.", False, group="Tuning"
    )
    encoder_rate: float = setting("Learning rate of the encoder, times --rate.", 1.0, check=gt(0), group="Tuning")
    loss: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Loss, e.g. bce-dice or focal:gamma=2.", group="Optimisation"),
    )
    class_weights: str | None = setting(
        "Weights of classes in the loss: none, inverse or median frequency.",
        None,
        check=either(in_(("none", "inverse", "median"))),
        group="Optimisation",
    )
    output_weights: tuple[float, ...] | None = setting(
        "Weights of the outputs under deep supervision, main one first.", None, group="Optimisation"
    )
    optimizer: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("sgd, adam or adamw, with options.", group="Optimisation"),
    )
    rate: float | None = setting("Base learning rate.", None, check=either(gt(0)), group="Optimisation")
    schedule: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Schedule of the rate, e.g. cosine or exponential:decay=0.9.", group="Optimisation"),
    )
    warmup: int | None = setting("Updates of linear warm-up.", None, check=either(ge(0)), group="Optimisation")
    clip: float | None = setting(
        "Largest L2 norm of the gradient; 0 is off.", None, check=either(ge(0)), group="Optimisation"
    )
    accumulate: int = setting("Batches averaged into one update.", 1, check=ge(1), group="Optimisation")
    ema: float = setting(
        "Decay of a moving average of the weights, e.g. 0.999, which is then validated and kept; 0 is off.",
        0.0,
        check=[ge(0), lt(1)],
        group="Optimisation",
    )
    epochs: int | None = setting("Passes over the training split.", None, check=either(gt(0)), group="Loop")
    batch: int | None = setting("Images in a batch.", None, check=either(gt(0)), group="Loop")
    size: tuple[int, int] | None = setting("Training size, 256 or 256x384 (height x width).", None, group="Data")
    fit: Fit | None = field(
        default=None,
        converter=optional(Fit),
        metadata=told(
            "native: crops at the images' own scale; letterbox, stretch: whole images, resized to the training size; "
            "crop, to classify: resized to cover it, and what sticks out cut off.",
            group="Data",
        ),
    )
    augment: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Augmentation: none, light, standard or strong, with options.", group="Data"),
    )
    monitor: str | None = setting(
        "Validation number that picks the best epoch, stops early and cuts a plateau's rate: miou, f1, accuracy, "
        "precision, recall, iou_CLASS, or loss (the lowest).",
        None,
        group="Loop",
    )
    patience: int | None = setting(
        "Validations without improvement before training stops; 0 is never.", None, check=either(ge(0)), group="Loop"
    )
    validate_every: int = setting("Epochs between validations.", 1, check=ge(1), group="Loop")
    log_every: int = setting("Steps between progress events.", 10, check=ge(1), group="Loop")
    seed: int = setting("Of weights, order, augmentation and dropout.", 41, check=[ge(0), lt(2**32)], group="Loop")

    @property
    def encoder_file(self) -> Path | None:
        """The run or file that ``encoder_weights`` names, if it does."""
        return None if self.encoder_weights in (None, "imagenet") else Path(self.encoder_weights or "")


@checked
@frozen
class SeedsSettings(TrainSettings):
    """Train a model on a prepared data set. With no flags, a recipe derived from the data set is used."""

    seeds: int = setting(
        "Runs to train, the first with --seed, each with the next number, in one folder.", 1, check=ge(1), group="Loop"
    )

    def single(self, **changes: Any) -> TrainSettings:
        """The settings of one of the runs; of the only one, without ``changes``."""
        fields = attrs.fields(TrainSettings)
        return TrainSettings(**{field.name: getattr(self, field.name) for field in fields} | changes)


COMPUTE = tuple(field.name for field in attrs.fields(TrainSettings) if field.metadata.get("group") == "Compute")
"""Settings that say how a run is computed and who is told, not what it is: a resumed run may change them."""
