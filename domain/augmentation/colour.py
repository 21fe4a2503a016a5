"""Colour changes as one table and one matrix; pixels are touched elsewhere."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .parameters import AugmentationParameters

_LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601: how bright red, green and blue look."""
_YIQ = np.array([_LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""RGB to the NTSC colour space, in which hue is an angle in the plane of the last two axes."""


def tone_table(parameters: AugmentationParameters) -> NDArray[np.uint8]:
    """(256,) uint8: gamma, then contrast around mid-grey, then brightness, of every value there is."""
    value = np.linspace(0.0, 1.0, 256) ** parameters.gamma
    value = (value - 0.5) * parameters.contrast + 0.5 + parameters.brightness
    return np.rint(np.clip(value, 0.0, 1.0) * 255.0).astype(np.uint8)


def colour_matrix(parameters: AugmentationParameters) -> NDArray[np.float64] | None:
    """(3, 3) float64 for RGB columns: turns the hue and scales the saturation, or None when neither changes.

    Greys stay what they are: every row sums to 1.
    """
    if parameters.hue == 0.0 and parameters.saturation == 1.0:
        return None
    angle = 2.0 * math.pi * parameters.hue
    cosine, sine = parameters.saturation * math.cos(angle), parameters.saturation * math.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    matrix = np.linalg.inv(_YIQ) @ turn @ _YIQ
    # The published coefficients are rounded: without this greys would drift by a thousandth.
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), dtype=np.float64)
