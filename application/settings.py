"""What can be asked for. Every field is a flag, a TOML key and a Python argument of the same name.

``None`` means: derived from the data set by the recipe, which prints and records its reasons.
"""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.converters import optional
from attrs.validators import deep_iterable, ge, gt, lt
from attrs.validators import optional as either

from ..domain.choices import Choice
from ..domain.downloads.catalogue import PUBLIC_DATA
from ..domain.terms import OVERLAP, TILE, Fit, Precision, Task
from .checking import checked, setting, to_choice, to_choices, to_path, to_paths, told
from .train_settings import COMPUTE as COMPUTE
from .train_settings import DEFAULT_BACKEND as DEFAULT_BACKEND
from .train_settings import SeedsSettings as SeedsSettings
from .train_settings import TrainSettings as TrainSettings


@checked
@frozen
class GenerateSettings:
    """Generate the shapes data set: random shapes on textured backgrounds, with exact masks."""

    out: Path = field(converter=to_path, metadata=told("Folder to create."))
    num_images: int = setting("Number of images.", 120, check=gt(0))
    height: int = setting("Image height in pixels.", 128, check=ge(16))
    width: int = setting("Image width in pixels.", 128, check=ge(16))
    min_shape_px: int = setting("Smallest size of a shape in pixels.", 24, check=ge(4))
    max_shape_px: int = setting("Largest size of a shape in pixels.", 56, check=ge(4))
    shapes: tuple[str, ...] = setting("Kinds of shapes; each is a class.", ("rectangle", "ellipse", "triangle"))
    overlapping: bool = setting(
        "Transparent shapes that may overlap, with masks in masks/<shape>/, for the multilabel task.", False
    )
    seed: int = setting("Seed; the same seed gives the same bytes.", 41, check=ge(0))


@checked
@frozen
class DownloadSettings:
    """Download a public data set, check it and unpack it. If interrupted, repeat the command to continue."""

    name: str = field(metadata=told(f"Data set: {', '.join(PUBLIC_DATA)}."))
    out: Path = field(converter=to_path, metadata=told("Folder to create."))
    classes: tuple[str, ...] = setting(
        "open-images only: the classes to download, such as Cat,Dog. Required there.", ()
    )
    count: int | None = setting(
        "open-images only: images per class and split; default: all.", None, check=either(gt(0))
    )
    splits: tuple[str, ...] = setting("open-images only: some of train,validation,test; default: all.", ())
    mirror: str = setting("Address of a mirror that serves https://host/path as MIRROR/host/path.", "")
    connections: int = setting("Files to download at the same time.", 8, check=[ge(1), lt(65)])


@checked
@frozen
class PrepareSettings:
    """Check, measure and split images and masks, and write a data set ready for training."""

    source: Path = field(converter=to_path, metadata=told("Folder (or list file) with images and masks."))
    out: Path = field(converter=to_path, metadata=told("Folder to create."))
    reader: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told(
            "Layout of the source, with options, e.g. coco:overlap=smallest; default: detected, where it is "
            "unambiguous."
        ),
    )
    classes: Path | None = field(
        default=None, converter=optional(to_path), metadata=told("class_dict.csv with a row name,r,g,b for each class.")
    )
    split: str | None = setting(
        "Ratios of train,val,test such as 0.8,0.1,0.1, or a CSV file with columns id,split.", None
    )
    holdout: int = setting("Images to set aside first, as the final split 'holding'.", 0, check=ge(0))
    seed: int = setting("Seed of the random split.", 41, check=ge(0))
    ignore: tuple[int, ...] = setting("Mask values to leave out of training and scores, e.g. 255.", ())
    size: tuple[int, int] | None = setting(
        "Resize every image and mask to 224 or 224x320 (height x width); default: keep their sizes.",
        None,
        check=either(deep_iterable(ge(1))),
    )
    fit: Fit | None = field(
        default=None,
        converter=optional(Fit),
        metadata=told(
            "How --size is reached: letterbox or pad (the default; padding is left out of training and scores), "
            "stretch or crop."
        ),
    )
    task: Task | None = field(
        default=None,
        converter=optional(Task),
        metadata=told(
            "multiclass; binary, for exactly two classes; multilabel, where classes overlap; classification, one "
            "class per image. Default: chosen from the data."
        ),
    )
    skip_bad: bool = setting("Leave out bad pairs and list them, instead of stopping.", False)
    reference: bool = setting("Refer to the images where they are, instead of copying them.", False)


@checked
@frozen
class InspectSettings:
    """Show statistics and a contact sheet of a prepared data set."""

    data: Path = field(converter=to_path, metadata=told("Prepared data set."))
    out: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Folder for the pictures; default: 'inspect' in the data set."),
    )
    samples: int = setting("Number of images on the contact sheet.", 12, check=gt(0))
    augmented: bool = setting("Show training samples with their augmentation.", False)


@checked
@frozen
class EvaluateSettings:
    """Score a run or checkpoint on a split of its data set."""

    run: Path = field(converter=to_path, metadata=told("Run folder, folder made by --seeds, or checkpoint file."))
    split: str = setting("Split to score.", "test")
    data: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Prepared data set; default: the one the run was trained on."),
    )
    backend: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Framework, with options; default: the one that trained the run."),
    )
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.")
    )
    batch: int = setting("Images per batch.", 4, check=gt(0))
    workers: int = setting("Loader threads.", 2, check=ge(1))
    tile: int = setting(
        "Side in pixels of the tiles that larger images are cut into, as predict does.", TILE, check=ge(64)
    )
    overlap: int = setting("Pixels that neighbouring tiles share.", OVERLAP, check=ge(0))
    panels: int = setting("How many of the worst and of the best images to draw.", 4, check=ge(0))
    calibration: bool = setting(
        "Also measure how well probabilities match accuracy, and histograms of logits. Turning it off is faster on "
        "a GPU.",
        True,
    )
    out: Path | None = field(
        default=None, converter=optional(to_path), metadata=told("Folder for results; default: the run's folder.")
    )


@checked
@frozen
class PredictSettings:
    """Write masks for images of any size."""

    run: Path = field(converter=to_path, metadata=told("Run folder or checkpoint file."))
    inputs: tuple[str, ...] = field(metadata=told("Images, folders or globs."))
    out: Path = field(default=Path("predictions"), converter=to_path, metadata=told("Folder to write to."))
    backend: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Framework, with options; default: the one that trained the run."),
    )
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.")
    )
    tile: int = setting("Side in pixels of the tiles that larger images are cut into.", TILE, check=ge(64))
    overlap: int = setting("Pixels that neighbouring tiles share.", OVERLAP, check=ge(0))
    overlays: bool = setting("Also write overlays of the masks on the images.", True)
    probabilities: bool = setting("Also write probabilities as .npy (H, W, K) float16.", False)


@checked
@frozen
class ShowModelSettings:
    """Show nodes, parameters and cost of an architecture on an encoder, or of an encoder alone."""

    name: Choice = field(
        converter=to_choice, metadata=told("Architecture or encoder, e.g. unet:deep_supervision=true.")
    )
    encoder: Choice | None = field(
        default=None, converter=optional(to_choice), metadata=told("Encoder of the architecture; default: resnet18.")
    )
    input: tuple[int, int, int] = setting(
        "Channels, height and width of the image, e.g. 3x224x320.", (3, 256, 256), check=deep_iterable(ge(1))
    )
    classes: int | None = setting("Logits per pixel of the architecture; default: 2.", None, check=either(gt(0)))


@checked
@frozen
class ExportSettings:
    """Export a trained model to a format that other tools read."""

    run: Path = field(converter=to_path, metadata=told("Run folder (its best checkpoint) or checkpoint file."))
    to: Choice = field(
        converter=to_choice,
        metadata=told("Format: torchscript, torch-export, torch-state-dict, keras, h5, saved-model, or a plugin's."),
    )
    out: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("File or folder to create; default: RUN/exports/FORMAT."),
    )


@checked
@frozen
class CompareSettings:
    """Compare runs: settings that differ, scores, and curves in one picture."""

    runs: tuple[Path, ...] = field(
        converter=to_paths, metadata=told("Two or more run folders; a folder made by --seeds stands for all its runs.")
    )
    split: str = setting("Split whose scores are shown, for runs that were evaluated on it.", "test")
    out: Path = field(
        default=Path("comparison.png"), converter=to_path, metadata=told("Picture of the curves to write.")
    )


@checked
@frozen
class CompareBackendsSettings:
    """Run one trained model on several backends with the same images, and show how they differ."""

    run: Path = field(converter=to_path, metadata=told("Run folder or checkpoint file."))
    backends: tuple[Choice, ...] = field(
        default=(),
        converter=to_choices,
        metadata=told(
            "Backends, e.g. torch,tf; the first is the one the others are compared with. Default: all that work here."
        ),
    )
    split: str = setting("Split whose first images are taken.", "test")
    data: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Prepared data set; default: the one the run was trained on."),
    )
    images: int = setting("Number of images.", 8, check=gt(0))
    batch: int = setting("Images per batch.", 4, check=gt(0))
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.FP32,
        converter=Precision,
        metadata=told("fp32, which compares the arithmetic alone, or auto, bf16, fp16."),
    )


@checked
@frozen
class ScoreSettings:
    """Score a folder of predicted masks against a folder of true masks. Needs no framework."""

    predictions: Path = field(converter=to_path, metadata=told("Folder of predicted masks."))
    truth: Path = field(converter=to_path, metadata=told("Folder of true masks."))
    classes: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("class_dict.csv; default: the one in the truth folder or beside it."),
    )
    ignore: tuple[int, ...] = setting("Values of the true masks to leave out of the scores, e.g. 255.", ())
    overlapping: bool = setting(
        "Classes may overlap: each of the two folders holds one folder of masks per class.", False
    )
    batch: int = setting("Images per batch, for definitions of a score that pool batches.", 16, check=gt(0))
    out: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Folder to write the matrices and the table to; default: nothing is written."),
    )
