"""Labels as colours: alone, or laid over the image they belong to. Pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...domain.arrays import IGNORE, Image, Labels, Planes
from .brightness import Shown, shown

Colours = NDArray[np.uint8]
"""(K, 3) uint8 RGB, one row a class."""

IGNORED_COLOUR = (205, 205, 205)
_AT_ONCE = 1 << 21  # pixels that are mixed together, in floating-point numbers
_BACKGROUNDS = frozenset({"background", "bg", "none", "other", "void", "unlabelled", "unlabeled"})


def overlay(
    image: Image,
    labels: Labels,
    colours: Colours,
    alpha: float = 0.4,
    *,
    background: int | None = 0,
    contour: int = 1,
    values: Shown | None = None,
) -> Image:
    """The image with each class tinted in its colour, and contours in full colour.

    Args:
        image: (H, W, 1 or 3) uint8.
        labels: (H, W) uint8. IGNORE and ``background`` are left unpainted. Or (H, W, K) planes: where they overlap,
            colours are mixed, and each plane keeps its own contour.
        colours: (K, 3) uint8.
        alpha: share of the colour inside a region, in [0, 1].
        background: the class left unpainted, or None to paint all.
        contour: width of contours in pixels, drawn inside each region; 0 for none.
        values: what each value of the image is shown as, from ``shown_values``; None for as it is.

    Returns:
        (H, W, 3) uint8.
    """
    laid = np.empty((*labels.shape[:2], 3), np.uint8)
    rows = max(contour, _AT_ONCE // max(1, labels.shape[1]), 1)
    for first in range(0, len(labels), rows):
        # contours reach as far as their width: so many rows are looked at beyond, and left out again
        top = max(0, first - contour)
        seen = slice(top, first + rows + contour)
        under = as_rgb(image[seen])
        under = under if values is None else shown(under, values)
        strip = _laid(under, labels[seen], colours, alpha, background, contour)
        laid[first : first + rows] = strip[first - top :][:rows]
    return laid


def _laid(image: Image, labels: Labels, colours: Colours, alpha: float, background: int | None, contour: int) -> Image:
    canvas = image.astype(np.float32)
    tint = paint(labels, colours).astype(np.float32)
    if labels.ndim == 3:
        painted = (labels == 1).any(axis=2)
    else:
        painted = (labels != IGNORE) if background is None else (labels != IGNORE) & (labels != background)
    mixed = np.where(painted[..., None], (1 - alpha) * canvas + alpha * tint, canvas)
    if labels.ndim == 3:
        return _outlined(np.rint(mixed).astype(np.uint8), labels, colours, contour)
    edge = painted & _near_other(labels, contour)
    return np.where(edge[..., None], tint, np.rint(mixed)).astype(np.uint8)


def _outlined(canvas: Image, planes: Planes, colours: Colours, contour: int) -> Image:
    for k, colour in enumerate(colours):
        plane = np.ascontiguousarray(planes[..., k] == 1).astype(np.uint8)
        canvas[(plane == 1) & _near_other(plane, contour)] = colour
    return canvas


def paint(labels: Labels, colours: Colours) -> Image:
    """(H, W, 3): every class in its colour, IGNORE in light grey; planes in the mean of their colours, none black."""
    if labels.ndim == 3:
        return _blended(labels, colours)
    table = np.empty((256, 3), np.uint8)
    table[:] = IGNORED_COLOUR
    table[: len(colours)] = colours
    return table[labels]


def _blended(planes: Planes, colours: Colours) -> Image:
    inside = (planes == 1).astype(np.float32)
    mean = inside @ colours.astype(np.float32) / np.maximum(inside.sum(axis=2, keepdims=True), 1)
    return np.where(ignored(planes)[..., None], IGNORED_COLOUR, np.rint(mean)).astype(np.uint8)


def ignored(labels: Labels) -> NDArray[np.bool_]:
    """(H, W): pixels that count nowhere; of planes, in none."""
    where: NDArray[np.bool_] = labels == IGNORE
    return np.asarray(where.all(axis=2)) if labels.ndim == 3 else where


def as_rgb(image: Image) -> Image:
    """Grey (H, W, 1) images as (H, W, 3); RGB as it is."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def background_of(names: Sequence[str]) -> int | None:
    """0 where the first class is background by its name, or is one of two; None where it is a thing like others."""
    return 0 if len(names) == 2 or names[0].strip().lower() in _BACKGROUNDS else None


def _near_other(labels: Labels, width: int) -> NDArray[np.bool_]:
    """Pixels with another label within ``width`` steps up, down, left or right."""
    if width <= 0:
        return np.zeros(labels.shape, np.bool_)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    high = cv2.dilate(labels, cross, iterations=width)
    low = cv2.erode(labels, cross, iterations=width)
    return np.asarray((high != labels) | (low != labels))
