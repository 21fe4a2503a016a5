"""Colours, blur and noise of a training image."""

from __future__ import annotations

import cv2
import numpy as np

from ...domain.arrays import AnyArray, Image
from ...domain.augmentation.colour import colour_matrix, tone_table
from ...domain.augmentation.parameters import AugmentationParameters

_NOISE = 2
_DEVIATION = (4 * (256**2 - 1) / 12) ** 0.5
"""Standard deviation of the sum of four uniform bytes."""
_UNCHANGED = np.arange(256, dtype=np.uint8)


def recolour(image: Image, parameters: AugmentationParameters) -> Image:
    """(H, W, C) uint8 with one tone table applied, then hue and saturation (RGB only), blur and noise.

    Steps the parameters leave neutral are not carried out: with all of them neutral the very image comes back.
    """
    pixels: AnyArray = image
    table = tone_table(parameters)
    if not np.array_equal(table, _UNCHANGED):
        pixels = cv2.LUT(pixels, table)
    matrix = colour_matrix(parameters) if image.shape[2] == 3 else None
    if matrix is not None:
        pixels = cv2.transform(pixels, matrix)
    if parameters.blur > 0.0:
        pixels = cv2.GaussianBlur(pixels, (0, 0), parameters.blur)
    pixels = np.asarray(pixels, dtype=np.uint8).reshape(image.shape)
    return _with_noise(pixels, parameters) if parameters.noise > 0.0 else pixels


def _with_noise(image: Image, parameters: AugmentationParameters) -> Image:
    """Adds the sum of four random bytes, shifted and scaled: Gaussian up to 3 deviations, and several times as fast."""
    words = parameters.generator(_NOISE).integers(0, 2**64, -(-4 * image.size // 8), np.uint64)
    sums = words.view(np.uint8)[: 4 * image.size].reshape(4, *image.shape).sum(axis=0, dtype=np.uint16)
    noise = (sums.astype(np.float32) - 4 * 127.5) * np.float32(255.0 * parameters.noise / _DEVIATION)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), dtype=np.uint8).reshape(image.shape)
