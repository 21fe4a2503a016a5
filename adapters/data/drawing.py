"""One picture of the shapes data set, and its exact labels."""

from __future__ import annotations

import colorsys
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...domain.arrays import Image

Points = NDArray[np.float64]
Shape = tuple[int, NDArray[np.bool_]]
"""Its kind, and (H, W) where it is."""
_FINER = 4
"""Shapes are drawn this much larger, and averaged: their edges are smooth in the image and exact in the labels."""
_NOISE = 6.0
_TEXTURE = 18.0


def _regular(corners: int) -> Points:
    turn = 2.0 * np.pi * np.arange(corners) / corners
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _star() -> Points:
    return _regular(10) * np.where(np.arange(10) % 2, 0.45, 1.0)[:, np.newaxis]


_CROSS = np.array(
    [(-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1)]
)
OUTLINES: dict[str, Points] = {
    "rectangle": np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]),
    "ellipse": _regular(96),
    "triangle": _regular(3),
    "pentagon": _regular(5),
    "star": _star(),
    "cross": _CROSS / 3.0,
}
"""Corners (x, y) of each kind of shape, within a circle or square of radius 1."""


def draw(
    size: tuple[int, int],
    kinds: tuple[str, ...],
    extent: tuple[float, float],
    most: int,
    rng: np.random.Generator,
    opacity: float = 1.0,
) -> tuple[Image, list[Shape]]:
    """A textured background with 1 to ``most`` shapes, later ones over earlier ones.

    A pixel belongs to a shape when the shape covers at least half of it. Each kind has its own range of hues, so that
    colour helps but noise, texture, shading and overlaps keep it from being the answer.

    Args:
        size: (height, width).
        kinds: names of ``OUTLINES``.
        extent: least and largest length of a shape's longer side, in pixels.
        most: largest number of shapes.
        rng: where all chance comes from.
        opacity: share of a shape's colour in what is seen; below 1, what it covers shines through.

    Returns:
        (H, W, 3) uint8, and the shapes in the order they were drawn: position in ``kinds``, and (H, W) bool.
    """
    canvas = _background(size, rng)
    shapes: list[Shape] = []
    for _ in range(int(rng.integers(1, most + 1))):
        kind = int(rng.integers(len(kinds)))
        cover = _coverage(size, _placed(OUTLINES[kinds[kind]], size, extent, rng))
        colour = _colour((kind + rng.uniform(-0.3, 0.3)) / len(kinds), rng)
        shading = 1.0 + 0.25 * _waves(size, 4, rng)[..., np.newaxis]
        canvas += opacity * cover[..., np.newaxis] * (colour * shading - canvas)
        shapes.append((kind, cover >= 0.5))
    canvas += rng.normal(0.0, _NOISE, canvas.shape)
    return np.rint(np.clip(canvas, 0.0, 255.0)).astype(np.uint8), shapes


def _background(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """A dull gradient between two colours, with waves of several lengths."""
    begin, end = (_dull(rng) for _ in range(2))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[: size[0], : size[1]]
    along = (math.cos(angle) * (x / size[1] - 0.5) + math.sin(angle) * (y / size[0] - 0.5) + 0.75) / 1.5
    texture = sum(_waves(size, knots, rng) / (step + 1) for step, knots in enumerate((3, 8, 24)))
    return np.asarray(begin + along[..., np.newaxis] * (end - begin) + _TEXTURE * np.asarray(texture)[..., np.newaxis])


def _waves(size: tuple[int, int], knots: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(H, W): value noise, random numbers in [-1, 1] on a coarse grid, enlarged smoothly."""
    grid = rng.uniform(-1.0, 1.0, (knots, knots))
    return np.asarray(cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float64)


def _dull(rng: np.random.Generator) -> NDArray[np.float64]:
    return 255.0 * np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.25), rng.uniform(0.25, 0.75)))


def _colour(hue: float, rng: np.random.Generator) -> NDArray[np.float64]:
    return 255.0 * np.array(colorsys.hsv_to_rgb(hue % 1.0, rng.uniform(0.5, 0.95), rng.uniform(0.45, 0.95)))


def _placed(outline: Points, size: tuple[int, int], extent: tuple[float, float], rng: np.random.Generator) -> Points:
    """The outline at random length, width, angle and place, in pixels; its middle is inside the image."""
    length = rng.uniform(*extent)
    points = outline * [1.0, rng.uniform(0.6, 1.0)]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    points = points @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    points *= length / np.ptp(points, axis=0).max()
    middle = [rng.uniform(0.1, 0.9) * size[1], rng.uniform(0.1, 0.9) * size[0]]
    return np.asarray(points + middle)


def _coverage(size: tuple[int, int], points: Points) -> NDArray[np.float64]:
    """(H, W) in [0, 1]: how much of each pixel lies within the outline."""
    fine = np.zeros((size[0] * _FINER, size[1] * _FINER), np.uint8)
    cv2.fillPoly(fine, [np.rint(points * _FINER - 0.5).astype(np.int32)], 255)
    return np.asarray(cv2.resize(fine, (size[1], size[0]), interpolation=cv2.INTER_AREA) / 255.0, dtype=np.float64)
