"""What all loss formulas share: probabilities, masking, and means over the pixels that count.

K logits a pixel stand for K classes through a softmax; one logit stands for two, background and foreground, through a
sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..errors import InvalidSpecError
from .tensor_ops import AnyOps

Tensor: TypeAlias = Any
"""A tensor of the framework whose operation table is used."""


def plane_mask(ops: AnyOps, valid: Tensor, like: Tensor) -> Tensor:
    """(N, H, W, 1) of ``like``'s dtype: 1 where valid, else 0."""
    return ops.reshape(ops.cast(valid, like), (*ops.shape(valid), 1))


def blank_ignored(ops: AnyOps, logits: Tensor, valid: Tensor) -> Tensor:
    """Logits with 0 at ignored pixels, whatever stood there: no value, NaN or gradient comes from them any more.

    Args:
        ops: operation table.
        logits: (N, H, W, K) floats.
        valid: (N, H, W) bool.
    """
    return ops.where(ops.reshape(valid, (*ops.shape(valid), 1)), logits, 0.0)


def log_probabilities(ops: AnyOps, logits: Tensor) -> Tensor:
    """(N, H, W, K) logarithms of the class probabilities; (N, H, W, 2) for the two classes of a single logit."""
    if class_count(ops, logits) > 1:
        return ops.log_softmax(logits, axis=-1)
    return -ops.softplus(logits * ops.constant((1.0, -1.0), logits))


def truth_planes(ops: AnyOps, truth: Tensor, like: Tensor) -> Tensor:
    """(N, H, W, K) of 0 and 1 for the K logits of ``like``; for a single logit the foreground alone."""
    classes = class_count(ops, like)
    return ops.one_hot(truth, classes, like) if classes > 1 else ops.reshape(ops.cast(truth, like), ops.shape(like))


def probability_planes(ops: AnyOps, logits: Tensor, *, sigmoid: bool = False) -> Tensor:
    """(N, H, W, K) probabilities of the classes; for a single logit the foreground's alone.

    ``sigmoid`` reads K logits as K questions of one class against the rest.
    """
    alone = sigmoid or class_count(ops, logits) == 1
    return ops.sigmoid(logits) if alone else ops.softmax(logits, axis=-1)


def counted_planes(ops: AnyOps, hits: Tensor, pixels: Tensor, *, sigmoid: bool = False) -> Tensor:
    """1 for every class that enters a mean over classes, else 0; shaped like ``hits``.

    Classes of a softmax count where the truth holds them: an absent one is pushed down by those that are present.
    Planes of a sigmoid stand alone, so each counts as soon as there is any valid pixel.

    Args:
        ops: operation table.
        hits: (..., K) valid pixels of each class in the truth.
        pixels: (..., 1) valid pixels.
        sigmoid: whether K > 1 planes are K questions.
    """
    alone = sigmoid or class_count(ops, hits) == 1
    return ops.cast((hits + pixels if alone else hits) > 0, hits)


def mean_where(ops: AnyOps, values: Tensor, weights: Tensor, axis: int | None = None) -> Tensor:
    """sum(weights * values) / sum(weights), and exactly 0 where the weights add up to nothing."""
    total = ops.sum(weights, axis)
    return ops.sum(weights * values, axis) / ops.where(total > 0, total, 1.0)


def pixel_weights(ops: AnyOps, truth: Tensor, valid: Tensor, class_weights: Sequence[float], like: Tensor) -> Tensor:
    """(N, H, W) weight of each pixel: its class's, or 1 without ``class_weights``; 0 at ignored pixels.

    Raises:
        InvalidSpecError: the number of weights is not the number of classes.
    """
    mask = ops.cast(valid, like)
    if not class_weights:
        return mask
    classes = max(class_count(ops, like), 2)
    if len(class_weights) != classes:
        raise InvalidSpecError(
            f"class_weights has {len(class_weights)} values, but the task has {classes} classes.",
            fix="Give one weight for each class, in the order of the class table.",
        )
    return mask * ops.sum(ops.one_hot(truth, classes, like) * ops.constant(class_weights, like), -1)


def class_count(ops: AnyOps, logits: Tensor) -> int:
    """Logits a pixel: K."""
    return int(ops.shape(logits)[-1])


def weight_problem(class_weights: Sequence[float]) -> str:
    """What is wrong with class weights, or "": they are finite, not negative, and not all 0."""
    fits = all(math.isfinite(weight) and weight >= 0 for weight in class_weights)
    if fits and (not class_weights or any(class_weights)):
        return ""
    return f"class_weights = {tuple(class_weights)!r}: expected numbers of at least 0, one of them above 0."
