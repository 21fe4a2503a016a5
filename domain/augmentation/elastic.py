"""Elastic deformation: smooth random displacements, added to the one warp."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .parameters import AugmentationParameters

_PURPOSE = 1


def displacement_grid(
    parameters: AugmentationParameters, size: tuple[int, int], spacing: int = 32
) -> NDArray[np.float32]:
    """(rows, columns, 2) float32: elastic displacements (x, y) in pixels at the knots of a coarse grid over ``size``.

    Enlarged smoothly to ``size`` they give the displacement of every output pixel. None exceeds ``parameters.elastic``.
    """
    rows, columns = (max(2, math.ceil(length / spacing) + 1) for length in size)
    draws = parameters.generator(_PURPOSE).uniform(-1.0, 1.0, (rows, columns, 2))
    return (parameters.elastic * draws).astype(np.float32)
