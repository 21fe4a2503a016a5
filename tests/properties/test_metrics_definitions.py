"""The definitions table against code written again from the sources, working on masks and knowing no matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segport.domain.arrays import IGNORE
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.metrics.confusion import Confusion
from segport.domain.metrics.definitions import definitions

Mask = NDArray[np.uint8]
Pair = tuple[Mask, Mask]
NAN = float("nan")


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[list[Pair], int]:
    """Up to 7 small images of different sizes; few classes each, so that classes are often absent."""
    classes = draw(st.integers(2, 4))
    pairs = []
    for _ in range(draw(st.integers(1, 7))):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        shape = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
        some = rng.choice(classes, draw(st.integers(1, 2)))
        pairs.append((rng.choice(some, shape).astype(np.uint8), rng.choice(some, shape).astype(np.uint8)))
    return pairs, classes


def share(numerator: int, denominator: int, otherwise: float) -> float:
    return numerator / denominator if denominator else otherwise


def overlap(truth: Mask, prediction: Mask, k: int) -> tuple[int, int]:
    """Intersection and union of class k."""
    return int(((truth == k) & (prediction == k)).sum()), int(((truth == k) | (prediction == k)).sum())


def joined(pairs: Sequence[Pair]) -> Pair:
    """All images as one."""
    return np.concatenate([t.ravel() for t, _ in pairs]), np.concatenate([p.ravel() for _, p in pairs])


def dataset_ious(pairs: Sequence[Pair], classes: int, otherwise: float) -> list[float]:
    whole = joined(pairs)
    return [share(*overlap(*whole, k), otherwise) for k in range(classes)]


def mmseg_miou(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.nanmean(dataset_ious(pairs, classes, NAN)))


def mmseg_macc(pairs: Sequence[Pair], classes: int) -> float:
    truth, prediction = joined(pairs)
    return float(np.mean([(prediction[truth == k] == k).mean() for k in range(classes) if (truth == k).any()]))


def torchvision_miou(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.mean(dataset_ious(pairs, classes, NAN)))


def paddle_miou(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.mean(dataset_ious(pairs, classes, 0)))


def smp_macro(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.mean(dataset_ious(pairs, classes, 1)))


def pooled_iou(truth: Mask, prediction: Mask, chosen: Sequence[int], otherwise: float = NAN) -> float:
    parts = [overlap(truth, prediction, k) for k in chosen]
    return share(sum(i for i, _ in parts), sum(u for _, u in parts), otherwise)


def smp_micro(pairs: Sequence[Pair], classes: int) -> float:
    return pooled_iou(*joined(pairs), range(classes))


def smp_micro_imagewise(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.mean([pooled_iou(*pair, range(classes), 1) for pair in pairs]))


def smp_macro_imagewise(pairs: Sequence[Pair], classes: int) -> float:
    return float(np.mean([[share(*overlap(*pair, k), 1) for k in range(classes)] for pair in pairs]))


def monai_dice(pairs: Sequence[Pair], classes: int, first: int) -> float:
    images = []
    for truth, prediction in pairs:
        dice = [
            2 * overlap(truth, prediction, k)[0] / ((truth == k).sum() + (prediction == k).sum())
            for k in range(first, classes)
            if (truth == k).any()
        ]
        if dice:
            images.append(np.mean(dice))
    return float(np.mean(images)) if images else 0.0


def nested_unet(pairs: Sequence[Pair], classes: int, batch: int) -> float:
    scores, sizes = [], []
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        truth, prediction = joined(part)
        target = np.stack([truth == k for k in range(1, classes)])
        output = np.stack([prediction == k for k in range(1, classes)])
        scores.append(((output & target).sum() + 1e-5) / ((output | target).sum() + 1e-5))
        sizes.append(len(part))
    return float(np.average(scores, weights=sizes))


ORACLES: dict[str, Callable[[Sequence[Pair], int], float]] = {
    "mmsegmentation mIoU": mmseg_miou,
    "mmsegmentation mAcc": mmseg_macc,
    "torchvision mean IoU": torchvision_miou,
    "PaddleSeg mIoU": paddle_miou,
    "SMP IoU multiclass micro": smp_micro,
    "SMP IoU multiclass macro": smp_macro,
    "SMP IoU multiclass micro-imagewise": smp_micro_imagewise,
    "SMP IoU multiclass macro-imagewise": smp_macro_imagewise,
    "SMP IoU binary micro": lambda pairs, _: pooled_iou(*joined(pairs), [1]),
    "SMP IoU binary micro-imagewise": lambda pairs, _: float(np.mean([pooled_iou(*p, [1], 1) for p in pairs])),
    "MONAI mean Dice with background": lambda pairs, classes: monai_dice(pairs, classes, 0),
    "MONAI mean Dice without background": lambda pairs, classes: monai_dice(pairs, classes, 1),
    "nested-unet IoU, batches of 3": lambda pairs, classes: nested_unet(pairs, classes, 3),
}


@given(data_sets())
def test_every_row_is_what_its_source_computes_from_masks(data: tuple[list[Pair], int]) -> None:
    pairs, classes = data
    rows = definitions([Confusion.of(*pair, classes).counts for pair in pairs], batch=3)
    expected = set(ORACLES) if classes == 2 else {name for name in ORACLES if "binary" not in name}
    assert {row.name for row in rows} == expected
    for row in rows:
        assert row.value == pytest.approx(ORACLES[row.name](pairs, classes), nan_ok=True), row.name


@given(data_sets(), st.integers(0, 2**32))
def test_ignored_pixels_are_as_if_they_were_not_there(data: tuple[list[Pair], int], seed: int) -> None:
    pairs, classes = data
    rng = np.random.default_rng(seed)
    keeps = [rng.random(truth.shape) < 0.8 for truth, _ in pairs]
    masked = [(np.where(keep, t, np.uint8(IGNORE)), p) for (t, p), keep in zip(pairs, keeps, strict=True)]
    kept = [(t[keep], p[keep]) for (t, p), keep in zip(pairs, keeps, strict=True)]
    one, other = (definitions([Confusion.of(*pair, classes).counts for pair in chosen]) for chosen in (masked, kept))
    assert [row.value for row in one] == pytest.approx([row.value for row in other], nan_ok=True)


def values(*images: list[list[int]], batch: int = 16) -> dict[str, float]:
    return {row.name: row.value for row in definitions([np.array(image) for image in images], batch)}


def test_one_set_of_predictions_prints_many_numbers() -> None:
    """An image with a large object found whole, and one without an object where a single pixel is wrong."""
    found = values([[50, 0], [0, 50]], [[99, 1], [0, 0]])
    assert found["mmsegmentation mIoU"] == pytest.approx((149 / 150 + 50 / 51) / 2)
    assert found["SMP IoU binary micro"] == pytest.approx(50 / 51)
    assert found["SMP IoU binary micro-imagewise"] == 0.5
    assert found["MONAI mean Dice without background"] == 1
    assert values([[50, 0], [0, 50]], [[99, 1], [0, 0]], batch=1)["nested-unet IoU, batches of 1"] == pytest.approx(
        0.5, abs=1e-4
    )


def test_a_class_that_occurs_nowhere_tells_the_toolkits_apart() -> None:
    found = values([[8, 2, 0], [0, 10, 0], [0, 0, 0]])
    both = 8 / 10 + 10 / 12
    assert found["mmsegmentation mIoU"] == pytest.approx(both / 2)
    assert found["PaddleSeg mIoU"] == pytest.approx(both / 3)
    assert found["SMP IoU multiclass macro"] == pytest.approx((both + 1) / 3)
    assert np.isnan(found["torchvision mean IoU"])


def test_every_row_names_formula_and_source() -> None:
    for row in definitions([np.eye(2, dtype=np.int64)]):
        assert "TP" in row.formula
        assert ":" in row.source
        assert "/" in row.source.split(":")[0]


def test_a_single_class_has_a_table_too() -> None:
    assert values([[9]])["mmsegmentation mIoU"] == 1


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="no image"):
        definitions([])
    with pytest.raises(InvalidSpecError, match="not 0"):
        definitions([np.eye(2, dtype=np.int64)], batch=0)
