"""What can be asked for. Every field is a flag, a TOML key and a Python argument of the same name.

``None`` means: derived from the data set by the recipe, which prints and records its reasons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, gt, in_, lt, optional

from ..domain.choices import Choice
from ..domain.downloads.catalogue import PUBLIC_DATA
from ..domain.terms import Fit, Precision, Task

DEFAULT_BACKEND = Choice("torch")


def _setting(help: str, default: Any, *, check: Any = None, group: str = "") -> Any:
    return field(default=default, validator=check, metadata={"help": help, "group": group})


def _epochs(settings: object, field: attrs.Attribute[Any], value: int | str) -> None:
    if value != "always" and (isinstance(value, str) or value < 0):
        raise ValueError(f"'{field.name}' must be a whole number of epochs, or 'always': {value}")


def _argument(help: str, *, converter: Any = None) -> Any:
    return field(converter=converter, metadata={"help": help})


def _choice(help: str, default: Choice | None = None, *, group: str = "") -> Any:
    return field(
        default=default,
        converter=lambda value: None if value is None else Choice.of(value),
        metadata={"help": help, "group": group},
    )


def _choices(help: str, default: tuple[Choice, ...] = (), *, group: str = "") -> Any:
    return field(
        default=default,
        converter=lambda values: tuple(map(Choice.of, values)),
        metadata={"help": help, "group": group},
    )


@frozen
class GenerateSettings:
    """Make the shapes data set: random shapes on textured backgrounds, with exact masks."""

    out: Path = _argument("Folder to make.")
    num_images: int = _setting("Images.", 120, check=gt(0))
    height: int = _setting("Image height in pixels.", 128, check=ge(16))
    width: int = _setting("Image width in pixels.", 128, check=ge(16))
    min_shape_px: int = _setting("Least size of a shape in pixels.", 24, check=ge(4))
    max_shape_px: int = _setting("Largest size of a shape in pixels.", 56, check=ge(4))
    shapes: tuple[str, ...] = _setting("Kinds of shapes, each a class.", ("rectangle", "ellipse", "triangle"))
    overlapping: bool = _setting("Shapes that are seen through, with masks/<shape>/: for the multilabel task.", False)
    seed: int = _setting("Same seed, same bytes.", 41)


@frozen
class DownloadSettings:
    """Fetch a public data set, check it, and unpack it. Interrupted, the same command goes on."""

    name: str = _argument(f"Data set: {', '.join(PUBLIC_DATA)}.")
    out: Path = _argument("Folder to make.")
    classes: tuple[str, ...] = _setting("Of open-images, which must be chosen from: names such as Cat,Dog.", ())
    count: int | None = _setting(
        "Of open-images: images of each class in each split; all by default.", None, check=optional(gt(0))
    )
    splits: tuple[str, ...] = _setting("Of open-images: some of train,validation,test; all by default.", ())
    mirror: str = _setting("Address that has https://host/path as MIRROR/host/path.", "")
    connections: int = _setting("Files to fetch at once.", 8, check=[ge(1), lt(65)])


@frozen
class PrepareSettings:
    """Check images and masks once, measure them, split them, and write a data set ready for training."""

    source: Path = _argument("Folder (or list file) with images and masks.")
    out: Path = _argument("Folder to make.")
    reader: Choice | None = _choice(
        "Layout of the source, with options, e.g. coco:overlap=smallest; found out by itself where it is unambiguous."
    )
    classes: Path | None = _setting("class_dict.csv: name,r,g,b for each class.", None)
    split: str | None = _setting("Ratios train,val,test as 0.8,0.1,0.1, or a CSV file with columns id,split.", None)
    holdout: int = _setting("Images put aside first, as the final split 'holding'.", 0, check=ge(0))
    seed: int = _setting("Of the split.", 41)
    ignore: tuple[int, ...] = _setting("Raw mask values that count nowhere.", ())
    size: tuple[int, int] | None = _setting(
        "Bring every image and mask to this size, 224 or 224x320 (height x width); they stay as they are by default.",
        None,
        check=optional(deep_iterable(ge(1))),
    )
    fit: Fit | None = _setting(
        "How, with --size: letterbox or pad, where the padding counts nowhere (the default); stretch; crop.", None
    )
    task: Task | None = _setting(
        "multiclass; binary for exactly two classes; multilabel where classes overlap; classification: one an image.",
        None,
    )
    skip_bad: bool = _setting("Leave bad pairs out, and list them, in place of stopping.", False)
    reference: bool = _setting("Leave the images where they are and refer to them.", False)


@frozen
class InspectSettings:
    """Statistics and a contact sheet of a prepared data set."""

    data: Path = _argument("Prepared data set.")
    out: Path | None = _setting("Folder for the pictures; the data set's own 'inspect' by default.", None)
    samples: int = _setting("Images on the contact sheet.", 12, check=gt(0))
    augmented: bool = _setting("Show training samples as augmented.", False)


@frozen
class TrainSettings:
    """Train a model on a prepared data set. With no flags, a recipe derived from the data set is used."""

    data: Path = _argument("Prepared data set.")
    run: Path | None = _setting("Folder of the run; runs/<data set>-001 and so on by default.", None)
    backend: Choice = _choice(
        "Framework: torch, tf, or a plugin's, with options, e.g. tf:jit_compile=true.", DEFAULT_BACKEND, group="Compute"
    )
    device: str = _setting("auto, cpu, cuda, cuda:1 ...", "auto", group="Compute")
    precision: Precision = _setting("auto, fp32, bf16 or fp16.", Precision.AUTO, group="Compute")
    workers: int = _setting("Loader threads.", 2, check=ge(1), group="Compute")
    cache: bool = _setting("Keep decoded images in memory or a memory-mapped file.", True, group="Compute")
    deterministic: bool = _setting(
        "The same bytes from the same seed, at the price of slower kernels on a GPU.", True, group="Compute"
    )
    track: tuple[Choice, ...] = _choices(
        "Who hears of each epoch: log (log.txt in the run), tensorboard, or a plugin's.",
        (Choice("log"),),
        group="Compute",
    )
    model: Choice | None = _choice("Architecture, e.g. unet or unet:deep_supervision=true.", group="Model")
    encoder: Choice | None = _choice("Encoder, e.g. resnet18 or plain:width=32,depth=5.", group="Model")
    init_from: Path | None = _setting(
        "Run, .safetensors or .pth file whose weights to begin with, where names and shapes match.", None, group="Model"
    )
    encoder_weights: str | None = _setting(
        "Weights the encoder begins with: imagenet (fetched once), or a run, .safetensors or .pth file.",
        None,
        group="Model",
    )
    normalisation: str | None = _setting(
        "Mean and deviation that images are normalised by: the dataset's, or imagenet's.",
        None,
        check=optional(in_(("dataset", "imagenet"))),
        group="Data",
    )
    freeze_encoder: int | Literal["always"] = _setting(
        "Epochs at the beginning, or always, in which the encoder stays as it is.", 0, check=_epochs, group="Tuning"
    )
    freeze_norms: bool = _setting(
        "The encoder's batch norms keep statistics, scale and shift all the time.", False, group="Tuning"
    )
    encoder_rate: float = _setting("Learning rate of the encoder, times --rate.", 1.0, check=gt(0), group="Tuning")
    loss: Choice | None = _choice("Loss, e.g. bce-dice or focal:gamma=2.", group="Optimisation")
    class_weights: str | None = _setting(
        "Weights of classes in the loss: none, inverse or median frequency.",
        None,
        check=optional(in_(("none", "inverse", "median"))),
        group="Optimisation",
    )
    output_weights: tuple[float, ...] | None = _setting(
        "Weights of the outputs under deep supervision, main one first.", None, group="Optimisation"
    )
    optimizer: Choice | None = _choice("sgd, adam or adamw, with options.", group="Optimisation")
    rate: float | None = _setting("Base learning rate.", None, check=optional(gt(0)), group="Optimisation")
    schedule: Choice | None = _choice(
        "Schedule of the rate, e.g. cosine or exponential:decay=0.9.", group="Optimisation"
    )
    warmup: int | None = _setting("Updates of linear warm-up.", None, check=optional(ge(0)), group="Optimisation")
    clip: float | None = _setting(
        "Largest L2 norm of the gradient; 0 is off.", None, check=optional(ge(0)), group="Optimisation"
    )
    accumulate: int = _setting("Batches averaged into one update.", 1, check=ge(1), group="Optimisation")
    ema: float = _setting(
        "Decay of a moving average of the weights, e.g. 0.999, which is then validated and kept; 0 is off.",
        0.0,
        check=[ge(0), lt(1)],
        group="Optimisation",
    )
    epochs: int | None = _setting("Passes over the training split.", None, check=optional(gt(0)), group="Loop")
    batch: int | None = _setting("Images in a batch.", None, check=optional(gt(0)), group="Loop")
    size: tuple[int, int] | None = _setting("Training size, 256 or 256x384 (height x width).", None, group="Data")
    fit: Fit | None = _setting(
        "native: crops at the images' own scale; letterbox, stretch: whole images, resized to the training size; "
        "crop, to classify: resized to cover it, and what sticks out cut off.",
        None,
        group="Data",
    )
    augment: Choice | None = _choice("Augmentation: none, light, standard or strong, with options.", group="Data")
    monitor: str | None = _setting(
        "Validation number that picks the best epoch, stops early and cuts a plateau's rate: miou, f1, accuracy, "
        "precision, recall, iou_CLASS, or loss (the lowest).",
        None,
        group="Loop",
    )
    patience: int | None = _setting(
        "Validations without improvement before training stops; 0 is never.", None, check=optional(ge(0)), group="Loop"
    )
    validate_every: int = _setting("Epochs between validations.", 1, check=ge(1), group="Loop")
    log_every: int = _setting("Steps between progress events.", 10, check=ge(1), group="Loop")
    seed: int = _setting("Of weights, order, augmentation and dropout.", 41, check=[ge(0), lt(2**32)], group="Loop")

    @property
    def encoder_file(self) -> Path | None:
        """The run or file that ``encoder_weights`` names, if it does."""
        return None if self.encoder_weights in (None, "imagenet") else Path(self.encoder_weights or "")


@frozen
class SeedsSettings(TrainSettings):
    """Train a model on a prepared data set. With no flags, a recipe derived from the data set is used."""

    seeds: int = _setting(
        "Runs to train, the first with --seed, each with the next number, in one folder.", 1, check=ge(1), group="Loop"
    )

    def single(self, **changes: Any) -> TrainSettings:
        """The settings of one of the runs; of the only one, without ``changes``."""
        fields = attrs.fields(TrainSettings)
        return TrainSettings(**{field.name: getattr(self, field.name) for field in fields} | changes)


COMPUTE = tuple(field.name for field in attrs.fields(TrainSettings) if field.metadata.get("group") == "Compute")
"""Settings that say how a run is computed and who is told, not what it is: a resumed run may change them."""


@frozen
class EvaluateSettings:
    """Score a run or checkpoint on a split of its data set."""

    run: Path = _argument("Run folder, folder of a run a seed, or checkpoint file.")
    split: str = _setting("Split to score.", "test")
    data: Path | None = _setting("Another prepared data set; the run's own by default.", None)
    backend: Choice | None = _choice("Another framework, with options; the run's own by default.")
    device: str = _setting("auto, cpu, cuda ...", "auto")
    precision: Precision = _setting("auto, fp32, bf16 or fp16.", Precision.AUTO)
    batch: int = _setting("Images in a batch.", 4, check=gt(0))
    workers: int = _setting("Loader threads.", 2, check=ge(1))
    panels: int = _setting("Worst and best images to draw, each.", 4, check=ge(0))
    calibration: bool = _setting(
        "Also measure whether probabilities can be believed, and how logits are spread. Without, a GPU that need not "
        "hand them over is quicker.",
        True,
    )
    out: Path | None = _setting("Folder for results; the run's own by default.", None)


@frozen
class PredictSettings:
    """Write masks for images of any size."""

    run: Path = _argument("Run folder or checkpoint file.")
    inputs: tuple[str, ...] = _argument("Images, folders or globs.")
    out: Path = _setting("Folder to write to.", Path("predictions"))
    backend: Choice | None = _choice("Another framework, with options; the run's own by default.")
    device: str = _setting("auto, cpu, cuda ...", "auto")
    precision: Precision = _setting("auto, fp32, bf16 or fp16.", Precision.AUTO)
    tile: int = _setting("Side of the tiles that larger images are cut into, in pixels.", 1024, check=ge(64))
    overlap: int = _setting("Pixels neighbouring tiles share.", 128, check=ge(0))
    overlays: bool = _setting("Also draw the masks over the images.", True)
    probabilities: bool = _setting("Also write probabilities as .npy (H, W, K) float16.", False)


@frozen
class ShowModelSettings:
    """Nodes, parameters and cost of an architecture on an encoder, or of an encoder alone."""

    name: Choice = _argument("Architecture or encoder, e.g. unet:deep_supervision=true.", converter=Choice.of)
    encoder: Choice | None = _choice("Encoder of the architecture; resnet18 by default.")
    input: tuple[int, int, int] = _setting(
        "Channels, height and width of the image, e.g. 3x224x320.", (3, 256, 256), check=deep_iterable(ge(1))
    )
    classes: int | None = _setting("Logits a pixel of the architecture; 2 by default.", None, check=optional(gt(0)))


@frozen
class ExportSettings:
    """Write a trained model in a format that others read."""

    run: Path = _argument("Run folder (its best checkpoint) or checkpoint file.")
    to: Choice = _argument(
        "Format: torchscript, torch-export, torch-state-dict, keras, h5, saved-model, or a plugin's.",
        converter=Choice.of,
    )
    out: Path | None = _setting("File or folder to make; RUN/exports/FORMAT by default.", None)


@frozen
class CompareSettings:
    """Lay runs side by side: the settings they differ in, their scores, their curves in one picture."""

    runs: tuple[Path, ...] = _argument("Run folders, two or more; of a folder of a run a seed, all of them.")
    split: str = _setting("Split whose scores are shown, of runs that were evaluated on it.", "test")
    out: Path = _setting("Picture of the curves.", Path("comparison.png"))


@frozen
class CompareBackendsSettings:
    """Run one trained model on several backends, over the same images, and show how they differ."""

    run: Path = _argument("Run folder or checkpoint file.")
    backends: tuple[Choice, ...] = _choices(
        "Backends, e.g. torch,tf; the first is what the others are held against. All that are usable by default."
    )
    split: str = _setting("Split the images are taken from, from its beginning.", "test")
    data: Path | None = _setting("Another prepared data set; the run's own by default.", None)
    images: int = _setting("Images to compare on.", 8, check=gt(0))
    batch: int = _setting("Images in a batch.", 4, check=gt(0))
    device: str = _setting("auto, cpu, cuda ...", "auto")
    precision: Precision = _setting("fp32 compares arithmetic alone; or auto, bf16, fp16.", Precision.FP32)


@frozen
class ScoreSettings:
    """Score a folder of predicted masks against a folder of true ones. Needs no framework."""

    predictions: Path = _argument("Folder of predicted masks.")
    truth: Path = _argument("Folder of true masks.")
    classes: Path | None = _setting("class_dict.csv; found in the truth folder or beside it by default.", None)
    ignore: tuple[int, ...] = _setting("Raw values of the truth that count nowhere.", ())
    overlapping: bool = _setting("Classes may overlap: each folder holds one folder of masks for each class.", False)
    batch: int = _setting("Images pooled in one batch, for the definitions that pool batches.", 16, check=gt(0))
    out: Path | None = _setting("Folder for the matrices and the table.", None)
