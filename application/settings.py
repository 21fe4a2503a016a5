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
    """Make the shapes data set: random shapes on textured backgrounds, with exact masks."""

    out: Path = field(converter=to_path, metadata=told("Folder to make."))
    num_images: int = setting("Images.", 120, check=gt(0))
    height: int = setting("Image height in pixels.", 128, check=ge(16))
    width: int = setting("Image width in pixels.", 128, check=ge(16))
    min_shape_px: int = setting("Least size of a shape in pixels.", 24, check=ge(4))
    max_shape_px: int = setting("Largest size of a shape in pixels.", 56, check=ge(4))
    shapes: tuple[str, ...] = setting("Kinds of shapes, each a class.", ("rectangle", "ellipse", "triangle"))
    overlapping: bool = setting("Shapes that are seen through, with masks/<shape>/: for the multilabel task.", False)
    seed: int = setting("Same seed, same bytes.", 41)


@checked
@frozen
class DownloadSettings:
    """Fetch a public data set, check it, and unpack it. Interrupted, the same command goes on."""

    name: str = field(metadata=told(f"Data set: {', '.join(PUBLIC_DATA)}."))
    out: Path = field(converter=to_path, metadata=told("Folder to make."))
    classes: tuple[str, ...] = setting("Of open-images, which must be chosen from: names such as Cat,Dog.", ())
    count: int | None = setting(
        "Of open-images: images of each class in each split; all by default.", None, check=either(gt(0))
    )
    splits: tuple[str, ...] = setting("Of open-images: some of train,validation,test; all by default.", ())
    mirror: str = setting("Address that has https://host/path as MIRROR/host/path.", "")
    connections: int = setting("Files to fetch at once.", 8, check=[ge(1), lt(65)])


@checked
@frozen
class PrepareSettings:
    """Check images and masks once, measure them, split them, and write a data set ready for training."""

    source: Path = field(converter=to_path, metadata=told("Folder (or list file) with images and masks."))
    out: Path = field(converter=to_path, metadata=told("Folder to make."))
    reader: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told(
            "Layout of the source, with options, e.g. coco:overlap=smallest; found out by itself where it is "
            "unambiguous."
        ),
    )
    classes: Path | None = field(
        default=None, converter=optional(to_path), metadata=told("class_dict.csv: name,r,g,b for each class.")
    )
    split: str | None = setting("Ratios train,val,test as 0.8,0.1,0.1, or a CSV file with columns id,split.", None)
    holdout: int = setting("Images put aside first, as the final split 'holding'.", 0, check=ge(0))
    seed: int = setting("Of the split.", 41)
    ignore: tuple[int, ...] = setting("Raw mask values that count nowhere.", ())
    size: tuple[int, int] | None = setting(
        "Bring every image and mask to this size, 224 or 224x320 (height x width); they stay as they are by default.",
        None,
        check=either(deep_iterable(ge(1))),
    )
    fit: Fit | None = field(
        default=None,
        converter=optional(Fit),
        metadata=told(
            "How, with --size: letterbox or pad, where the padding counts nowhere (the default); stretch; crop."
        ),
    )
    task: Task | None = field(
        default=None,
        converter=optional(Task),
        metadata=told(
            "multiclass; binary for exactly two classes; multilabel where classes overlap; classification: one an "
            "image."
        ),
    )
    skip_bad: bool = setting("Leave bad pairs out, and list them, in place of stopping.", False)
    reference: bool = setting("Leave the images where they are and refer to them.", False)


@checked
@frozen
class InspectSettings:
    """Statistics and a contact sheet of a prepared data set."""

    data: Path = field(converter=to_path, metadata=told("Prepared data set."))
    out: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Folder for the pictures; the data set's own 'inspect' by default."),
    )
    samples: int = setting("Images on the contact sheet.", 12, check=gt(0))
    augmented: bool = setting("Show training samples as augmented.", False)


@checked
@frozen
class EvaluateSettings:
    """Score a run or checkpoint on a split of its data set."""

    run: Path = field(converter=to_path, metadata=told("Run folder, folder of a run a seed, or checkpoint file."))
    split: str = setting("Split to score.", "test")
    data: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Another prepared data set; the run's own by default."),
    )
    backend: Choice | None = field(
        default=None,
        converter=optional(to_choice),
        metadata=told("Another framework, with options; the run's own by default."),
    )
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.")
    )
    batch: int = setting("Images in a batch.", 4, check=gt(0))
    workers: int = setting("Loader threads.", 2, check=ge(1))
    tile: int = setting(
        "Side of the tiles that larger images are cut into, in pixels, as predict does.", TILE, check=ge(64)
    )
    overlap: int = setting("Pixels neighbouring tiles share.", OVERLAP, check=ge(0))
    panels: int = setting("Worst and best images to draw, each.", 4, check=ge(0))
    calibration: bool = setting(
        "Also measure whether probabilities can be believed, and how logits are spread. Without, a GPU that need not "
        "hand them over is quicker.",
        True,
    )
    out: Path | None = field(
        default=None, converter=optional(to_path), metadata=told("Folder for results; the run's own by default.")
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
        metadata=told("Another framework, with options; the run's own by default."),
    )
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.AUTO, converter=Precision, metadata=told("auto, fp32, bf16 or fp16.")
    )
    tile: int = setting("Side of the tiles that larger images are cut into, in pixels.", TILE, check=ge(64))
    overlap: int = setting("Pixels neighbouring tiles share.", OVERLAP, check=ge(0))
    overlays: bool = setting("Also draw the masks over the images.", True)
    probabilities: bool = setting("Also write probabilities as .npy (H, W, K) float16.", False)


@checked
@frozen
class ShowModelSettings:
    """Nodes, parameters and cost of an architecture on an encoder, or of an encoder alone."""

    name: Choice = field(
        converter=to_choice, metadata=told("Architecture or encoder, e.g. unet:deep_supervision=true.")
    )
    encoder: Choice | None = field(
        default=None, converter=optional(to_choice), metadata=told("Encoder of the architecture; resnet18 by default.")
    )
    input: tuple[int, int, int] = setting(
        "Channels, height and width of the image, e.g. 3x224x320.", (3, 256, 256), check=deep_iterable(ge(1))
    )
    classes: int | None = setting("Logits a pixel of the architecture; 2 by default.", None, check=either(gt(0)))


@checked
@frozen
class ExportSettings:
    """Write a trained model in a format that others read."""

    run: Path = field(converter=to_path, metadata=told("Run folder (its best checkpoint) or checkpoint file."))
    to: Choice = field(
        converter=to_choice,
        metadata=told("Format: torchscript, torch-export, torch-state-dict, keras, h5, saved-model, or a plugin's."),
    )
    out: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("File or folder to make; RUN/exports/FORMAT by default."),
    )


@checked
@frozen
class CompareSettings:
    """Lay runs side by side: the settings they differ in, their scores, their curves in one picture."""

    runs: tuple[Path, ...] = field(
        converter=to_paths, metadata=told("Run folders, two or more; of a folder of a run a seed, all of them.")
    )
    split: str = setting("Split whose scores are shown, of runs that were evaluated on it.", "test")
    out: Path = field(default=Path("comparison.png"), converter=to_path, metadata=told("Picture of the curves."))


@checked
@frozen
class CompareBackendsSettings:
    """Run one trained model on several backends, over the same images, and show how they differ."""

    run: Path = field(converter=to_path, metadata=told("Run folder or checkpoint file."))
    backends: tuple[Choice, ...] = field(
        default=(),
        converter=to_choices,
        metadata=told(
            "Backends, e.g. torch,tf; the first is what the others are held against. All that are usable by default."
        ),
    )
    split: str = setting("Split the images are taken from, from its beginning.", "test")
    data: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("Another prepared data set; the run's own by default."),
    )
    images: int = setting("Images to compare on.", 8, check=gt(0))
    batch: int = setting("Images in a batch.", 4, check=gt(0))
    device: str = setting("auto, cpu, cuda ...", "auto")
    precision: Precision = field(
        default=Precision.FP32,
        converter=Precision,
        metadata=told("fp32 compares arithmetic alone; or auto, bf16, fp16."),
    )


@checked
@frozen
class ScoreSettings:
    """Score a folder of predicted masks against a folder of true ones. Needs no framework."""

    predictions: Path = field(converter=to_path, metadata=told("Folder of predicted masks."))
    truth: Path = field(converter=to_path, metadata=told("Folder of true masks."))
    classes: Path | None = field(
        default=None,
        converter=optional(to_path),
        metadata=told("class_dict.csv; found in the truth folder or beside it by default."),
    )
    ignore: tuple[int, ...] = setting("Raw values of the truth that count nowhere.", ())
    overlapping: bool = setting("Classes may overlap: each folder holds one folder of masks for each class.", False)
    batch: int = setting("Images pooled in one batch, for the definitions that pool batches.", 16, check=gt(0))
    out: Path | None = field(
        default=None, converter=optional(to_path), metadata=told("Folder for the matrices and the table.")
    )
