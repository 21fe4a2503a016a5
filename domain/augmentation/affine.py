"""All geometric steps of a sample, composed into one matrix, so that its pixels are resampled once."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ..arrays import Matrix
from .parameters import AugmentationParameters

_QUARTERS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""(cosine, sine) of the four quarter turns, exactly."""


def compose(parameters: AugmentationParameters, source: tuple[int, int], crop: tuple[int, int]) -> Matrix:
    """The matrix that leads from a pixel of the crop to the place in the source it is read from.

    The source is mirrored, turned, rotated, sheared, scaled and cropped, in that order. Where its frame allows, the
    crop lies inside the source; where it is larger, the source lies inside the crop.

    Args:
        parameters: what to do.
        source: (height, width) of the image in pixels.
        crop: (height, width) of the result.

    Returns:
        (3, 3) float64, for (x, y, 1) with pixel centres at whole numbers. When only mirroring, quarter turns and the
        crop take part, every entry is a whole number: the result is an exact copy of pixels.
    """
    linear = _linear(parameters)
    exact = _moves_pixels_only(parameters)
    reach = np.abs(linear) @ np.array([crop[1], crop[0]], dtype=np.float64)
    start = [
        _start(room, place, exact)
        for room, place in zip((source[1] - reach[0], source[0] - reach[1]), reversed(parameters.centre), strict=True)
    ]
    centre_in = np.array(start) + (reach - 1.0) / 2.0
    centre_out = np.array([(crop[1] - 1) / 2.0, (crop[0] - 1) / 2.0])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre_in - linear @ centre_out
    return matrix


def _start(room: float, place: float, exact: bool) -> float:
    """Where the crop begins along one axis; ``room`` is what the source has to spare, negative where it is smaller."""
    if exact:
        return math.copysign(math.floor(place * (abs(room) + 1.0)), room)
    return place * room


def _moves_pixels_only(parameters: AugmentationParameters) -> bool:
    return parameters.angle == 0.0 and parameters.shear == 0.0 and parameters.scale == 1.0


def _linear(parameters: AugmentationParameters) -> Matrix:
    """(2, 2): the inverses of all steps, leading from the crop back to the source."""
    cosine, sine = _QUARTERS[parameters.quarter_turns % 4]
    angle = math.radians(parameters.angle)
    steps = [
        [[-1.0 if parameters.mirror_x else 1.0, 0.0], [0.0, -1.0 if parameters.mirror_y else 1.0]],
        [[cosine, sine], [-sine, cosine]],
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]],
        [[1.0, -math.tan(math.radians(parameters.shear))], [0.0, 1.0]],
        [[1.0 / parameters.scale, 0.0], [0.0, 1.0 / parameters.scale]],
    ]
    return reduce(np.matmul, (np.array(step, dtype=np.float64) for step in steps))
