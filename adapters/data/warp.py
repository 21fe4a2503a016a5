"""The one resampling of a training sample: image and labels read through the same matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from ...domain.arrays import Image, Labels, Matrix

_BORDER = cv2.BORDER_REFLECT_101
_WIDEST = 32_000
"""OpenCV's warps address pixels with 16 bits."""


def warp(
    image: Image, labels: Labels, matrix: Matrix, size: tuple[int, int], displacement: NDArray[np.float32] | None = None
) -> tuple[Image, Labels]:
    """Reads every pixel of the result at the place the matrix names: images bilinearly, labels from the nearest pixel.

    Outside the source both continue by reflection, so a mask never disagrees with its image and no border is lost.
    A matrix of whole numbers copies pixels exactly.

    Args:
        image: (H, W, C) uint8.
        labels: (H, W) uint8, or (H, W, K) planes.
        matrix: (3, 3), from (x, y, 1) of the result to the source, pixel centres at whole numbers.
        size: (height, width) of the result.
        displacement: (height, width, 2) float32, added to (x, y) of the result before the matrix is applied.

    Returns:
        The image (height, width, C) and the labels (height, width), or planes.
    """
    image, labels, matrix = _within_reach(image, labels, matrix, size)
    move = partial(_affine, matrix=matrix, size=size)
    if displacement is not None:
        x, y = _places(matrix, size, displacement)
        move = partial(_remap, x=x, y=y)
    moved = _by_plane(labels, partial(move, how=cv2.INTER_NEAREST))
    return move(image, how=cv2.INTER_LINEAR).reshape(*size, image.shape[2]), moved


def _by_plane(labels: Labels, move: Callable[[Labels], Labels]) -> Labels:
    """Planes one by one: of two channels OpenCV takes other pixels as the nearest than of one."""
    if labels.ndim == 2:
        return move(labels)
    return np.stack([move(np.ascontiguousarray(labels[..., k])) for k in range(labels.shape[2])], axis=-1)


def smooth_displacement(grid: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(height, width, 2) float32: displacements at the knots of a coarse grid, enlarged by cubic interpolation."""
    return np.asarray(cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _affine(array: NDArray[np.uint8], matrix: Matrix, size: tuple[int, int], how: int) -> NDArray[np.uint8]:
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(array, matrix[:2], (size[1], size[0]), flags=flags, borderMode=_BORDER), np.uint8)


def _remap(array: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32], how: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.remap(array, x, y, how, borderMode=_BORDER), np.uint8)


def _places(
    matrix: Matrix, size: tuple[int, int], displacement: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y in the source of every pixel of the result, each (height, width) float32."""
    x = np.arange(size[1], dtype=np.float32) + displacement[..., 0]
    y = np.arange(size[0], dtype=np.float32)[:, np.newaxis] + displacement[..., 1]
    # Python's floats keep the arrays float32, which is exact to 1/512 pixel for the largest image.
    across, down = (a * x + b * y + shift for a, b, shift in matrix[:2].tolist())
    return across, down


def _within_reach(image: Image, labels: Labels, matrix: Matrix, size: tuple[int, int]) -> tuple[Image, Labels, Matrix]:
    """Of an image too large for OpenCV, the part around the crop, with the matrix that leads there."""
    if max(image.shape[:2]) <= _WIDEST:
        return image, labels, matrix
    corners = np.array([[x, y, 1] for x in (0, size[1]) for y in (0, size[0])], dtype=np.float64) @ matrix.T
    middle = corners[:, :2].mean(axis=0)
    start = [int(np.clip(middle[axis] - _WIDEST // 2, 0, max(0, image.shape[1 - axis] - _WIDEST))) for axis in (0, 1)]
    rows, columns = slice(start[1], start[1] + _WIDEST), slice(start[0], start[0] + _WIDEST)
    moved = matrix.copy()
    moved[:2, 2] -= start
    return np.ascontiguousarray(image[rows, columns]), np.ascontiguousarray(labels[rows, columns]), moved
