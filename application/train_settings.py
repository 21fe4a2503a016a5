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
    """Train a model on a prepared data set. Without flags, a recipe derived from the data set is used."""

    data: Path = field(converter=to_path, metadata=told("Prepared data set."))
    run: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Folder of the run; default: runs/<data set>-001, -002 and so on."),
    )
    backend: Choice = field(
        default=DEFAULT_BACKEND,
        converter=to_choice,
        metadata=told(
            "Framework: torch, tf or one from a plugin, with options, e.g. tf:jit_compile=true.", group="Compute"
        ),
    )
    device: str = setting("auto, cpu, cuda, cuda:1 ...", "auto", group="Compute")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.", group="Compute")
    )
    workers: int = setting("Loader threads.", 2, check=ge(1), group="Compute")
    cache: bool = setting("Keep decoded images in memory or in a memory-mapped file.", True, group="Compute")
    deterministic: bool = setting("Same seed, same bytes; kernels on a GPU are slower.", True, group="Compute")
    track: tuple[Choice, ...] = field(
        default=(Choice("log"),),
        converter=to_choices,
        metadata=told(
            "What records the run: log (log.txt in the run folder), tensorboard, or one from a plugin.", group="Compute"
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
            "Run, .safetensors or .pth file whose weights to start from, where names and shapes match.", group="Model"
        ),
    )
    encoder_weights: str | None = setting(
        "Weights the encoder starts from: imagenet (downloaded once), or a run, .safetensors or .pth file.",
        None,
        group="Model",
    )
    normalisation: str | None = setting(
        "Mean and standard deviation that images are normalised by: of the dataset, or of imagenet.",
        None,
        check=either(in_(("dataset", "imagenet"))),
        group="Data",
    )
    freeze_encoder: int | Literal["always"] = setting(
        "Number of first epochs in which the encoder is frozen, or always.", 0, check=_epochs, group="Tuning"
    )
    freeze_norms: bool = setting(
        "Freeze statistics, scale and shift of the encoder's batch norms throughout.", False, group="Tuning"
    )
    encoder_rate: float = setting(
        "Learning rate of the encoder, as a multiple of --rate.", 1.0, check=gt(0), group="Tuning"
    )
    loss: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Loss, e.g. bce-dice or focal:gamma=2.", group="Optimisation"),
    )
    class_weights: str | None = setting(
        "Class weights in the loss: none, inverse frequency or median frequency.",
        None,
        check=either(in_(("none", "inverse", "median"))),
        group="Optimisation",
    )
    output_weights: tuple[float, ...] | None = setting(
        "Weights of the outputs under deep supervision, the main output first.", None, group="Optimisation"
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
        metadata=told("Schedule of the learning rate, e.g. cosine or exponential:decay=0.9.", group="Optimisation"),
    )
    warmup: int | None = setting("Updates of linear warm-up.", None, check=either(ge(0)), group="Optimisation")
    clip: float | None = setting(
        "Largest L2 norm of the gradient; 0 turns clipping off.", None, check=either(ge(0)), group="Optimisation"
    )
    accumulate: int = setting("Batches averaged for one update.", 1, check=ge(1), group="Optimisation")
    ema: float = setting(
        "Decay of a moving average of the weights, e.g. 0.999, which is then validated and saved; 0 turns it off.",
        0.0,
        check=[ge(0), lt(1)],
        group="Optimisation",
    )
    epochs: int | None = setting("Passes over the training split.", None, check=either(gt(0)), group="Loop")
    batch: int | None = setting("Images per batch.", None, check=either(gt(0)), group="Loop")
    size: tuple[int, int] | None = setting("Training size: 256 or 256x384 (height x width).", None, group="Data")
    fit: Fit | None = field(
        default=None,
        converter=optional(Fit),
        metadata=told(
            "native: crops at the images' own scale; letterbox or stretch: whole images, resized to the training "
            "size; crop, for classification: resized to cover it, and cut.",
            group="Data",
        ),
    )
    augment: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Augmentation: none, light, standard or strong, with options.", group="Data"),
    )
    monitor: str | None = setting(
        "Validation score for the best epoch, early stopping and the plateau schedule: miou, f1, accuracy, precision, "
        "recall, iou_CLASS, or loss (lowest is best).",
        None,
        group="Loop",
    )
    patience: int | None = setting(
        "Validations without improvement before training stops; 0 turns early stopping off.",
        None,
        check=either(ge(0)),
        group="Loop",
    )
    validate_every: int = setting("Epochs between validations.", 1, check=ge(1), group="Loop")
    log_every: int = setting("Steps between progress events.", 10, check=ge(1), group="Loop")
    seed: int = setting(
        "Seed of the initial weights, the order of images, augmentation and dropout.",
        41,
        check=[ge(0), lt(2**32)],
        group="Loop",
    )

    @property
    def encoder_file(self) -> Path | None:
        """The run or file that ``encoder_weights`` names, if it does."""
        return None if self.encoder_weights in (None, "imagenet") else Path(self.encoder_weights or "")


@checked
@frozen
class SeedsSettings(TrainSettings):
    """Train a model on a prepared data set, with one seed or several. Without flags, a recipe comes from the data."""

    seeds: int = setting(
        "Runs to train into one folder: the first with --seed, each further one with the next number.",
        1,
        check=ge(1),
        group="Loop",
    )

    def single(self, **changes: Any) -> TrainSettings:
        """The settings of one of the runs; of the only one, without ``changes``."""
        fields = attrs.fields(TrainSettings)
        return TrainSettings(**{field.name: getattr(self, field.name) for field in fields} | changes)


COMPUTE = tuple(field.name for field in attrs.fields(TrainSettings) if field.metadata.get("group") == "Compute")
"""Settings that say how a run is computed and who is told, not what it is: a resumed run may change them."""
