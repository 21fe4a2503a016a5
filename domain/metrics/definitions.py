"""What other toolkits would have printed for the same predictions, recomputed from the saved matrices.

Two numbers called "mIoU" can differ by ten points on one set of predictions: they sum and divide in another order, and
treat a class that is absent from an image in another way. Each row here follows the named source's own code, in float64
and as a share of 1 where the source prints percent. Sources that know no ignored pixels are given none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Counts
from ..errors import InvalidSpecError
from .aggregation import stack
from .averages import Values, divide, mean
from .score import NamedNumber

_MMSEG = "open-mmlab/mmsegmentation: mmseg.evaluation.IoUMetric"
_SMP = "qubvel-org/segmentation_models.pytorch: smp.metrics.{}, mode={!r}, reduction={!r}, zero_division=1.0"
_VISION = "pytorch/vision: references/segmentation/utils.py, ConfusionMatrix"
_PADDLE = "PaddlePaddle/PaddleSeg: paddleseg.utils.metrics.mean_iou"
_MONAI = "Project-MONAI/MONAI: monai.metrics.DiceMetric(include_background={}, reduction='mean', ignore_empty=True)"
_NESTED = "4uiiurz1/pytorch-nested-unet: metrics.iou_score, averaged in train.validate"

_UNION = "TP / (TP + FP + FN)"


def definitions(images: Sequence[Counts], batch: int = 16) -> tuple[NamedNumber, ...]:
    """The table: named numbers with their formula in words and their source.

    Args:
        images: one (K, K) matrix per image, in the order they were evaluated.
        batch: images in a batch, for the one definition that depends on it; the last batch may be shorter.

    Raises DataError without any image, InvalidSpecError for a batch below 1.
    """
    if batch < 1:
        raise InvalidSpecError(f"A batch holds at least one image, not {batch}.")
    pixels = _Pixels(stack(images))
    rows = [*_dataset_means(pixels), *_smp("multiclass", pixels.tp, pixels.union)]
    if pixels.classes == 2:
        rows += _smp("binary", pixels.tp[:, 1:], pixels.union[:, 1:])
    return (*rows, *_monai(pixels), _nested_unet(pixels, batch))


class _Pixels:
    """(n, K) float64 for every image and class: true positives, pixels in truth, in prediction, in either."""

    def __init__(self, counts: Counts) -> None:
        self.classes = counts.shape[1]
        self.tp: Values = np.diagonal(counts, axis1=1, axis2=2).astype(np.float64)
        self.true: Values = counts.sum(axis=2).astype(np.float64)
        self.predicted: Values = counts.sum(axis=1).astype(np.float64)
        self.union: Values = self.true + self.predicted - self.tp


def _dataset_means(pixels: _Pixels) -> list[NamedNumber]:
    """Those that sum over the data set first; they differ in what a class that occurs nowhere does to the mean."""
    tp, true = pixels.tp.sum(axis=0), pixels.true.sum(axis=0)
    iou, recall = divide(tp, pixels.union.sum(axis=0)), divide(tp, true)
    summed = f"pixels summed over all images; mean over classes of {_UNION}"
    return [
        NamedNumber("mmsegmentation mIoU", mean(iou), f"{summed}; a class that occurs nowhere is left out", _MMSEG),
        NamedNumber(
            "mmsegmentation mAcc",
            mean(recall),
            "pixels summed over all images; mean over classes of TP / (TP + FN), which is recall; "
            "a class that is not in the truth is left out",
            _MMSEG,
        ),
        NamedNumber(
            "torchvision mean IoU", float(iou.mean()), f"{summed}; NaN as soon as one class occurs nowhere", _VISION
        ),
        NamedNumber(
            "PaddleSeg mIoU",
            float(np.nan_to_num(iou).mean()),
            f"{summed}; a class that occurs nowhere counts as 0",
            _PADDLE,
        ),
    ]


def _smp(mode: str, tp: Values, union: Values) -> list[NamedNumber]:
    """IoU in four reductions. 0 / 0 is 1, except in "micro", which divides only once and leaves NaN."""
    whose = "all classes" if mode == "multiclass" else "the foreground class alone"
    one = "0 / 0 counts as 1"
    values = {
        "micro": (
            float(divide(tp.sum(), union.sum())),
            f"pixels of {whose} summed over all images; {_UNION} once",
        ),
        "macro": (
            float(_or_one(divide(tp.sum(axis=0), union.sum(axis=0))).mean()),
            f"pixels summed over all images; mean over classes of {_UNION}; {one}",
        ),
        "micro-imagewise": (
            float(_or_one(divide(tp.sum(axis=1), union.sum(axis=1))).mean()),
            f"for each image, pixels of {whose} summed, {_UNION}; mean over images; {one}",
        ),
        "macro-imagewise": (
            float(_or_one(divide(tp, union)).mean()),
            f"{_UNION} for each image and class; mean over all of them; {one}",
        ),
    }
    # of a single class, macro is micro
    kept = values if mode == "multiclass" else ("micro", "micro-imagewise")
    return [NamedNumber(f"SMP IoU {mode} {name}", *values[name], _SMP.format("iou_score", mode, name)) for name in kept]


def _monai(pixels: _Pixels) -> list[NamedNumber]:
    """Dice of an image and class is NaN where the truth holds none of it, even if it is predicted there."""
    dice = divide(2 * pixels.tp, pixels.true + pixels.predicted)
    dice[pixels.true == 0] = np.nan
    rows = []
    for background in (True, False):
        if pixels.classes == 1 and not background:
            continue
        chosen = dice if background else dice[:, 1:]
        per_image = np.array([mean(row) for row in chosen])
        value = mean(per_image)
        which = "class" if background else "class but class 0"
        rows.append(
            NamedNumber(
                f"MONAI mean Dice {'with' if background else 'without'} background",
                0.0 if np.isnan(value) else value,
                f"2 TP / (2 TP + FP + FN) for each image and each {which} that its truth holds (false positives "
                "elsewhere are not seen); mean over classes, then over images; 0 when there is none",
                _MONAI.format(background),
            )
        )
    return rows


def _nested_unet(pixels: _Pixels, batch: int) -> NamedNumber:
    """Foreground classes are channels, and a batch's channels are pooled before dividing."""
    starts = np.arange(0, len(pixels.tp), batch)
    sizes = np.minimum(batch, len(pixels.tp) - starts)
    tp = np.add.reduceat(pixels.tp[:, 1:].sum(axis=1), starts)
    union = np.add.reduceat(pixels.union[:, 1:].sum(axis=1), starts)
    scores = (tp + 1e-5) / (union + 1e-5)
    return NamedNumber(
        f"nested-unet IoU, batches of {batch}",
        float((scores * sizes).sum() / sizes.sum()),
        f"pixels of all classes but class 0 summed over a batch; (TP + 1e-5) / (TP + FP + FN + 1e-5); mean over "
        f"batches of {batch} in this order, weighted by their sizes: depends on the batch size",
        _NESTED,
    )


def _or_one(values: Values) -> Values:
    return np.where(np.isnan(values), 1.0, values)
