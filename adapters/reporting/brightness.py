"""Dark images made bright enough to judge masks on, in pictures alone. What models and scores see stays as it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...domain.arrays import Image

Shown = NDArray[np.uint8]
"""(256,) uint8: what each value of an image is shown as."""

_PERCENTILE = 99.5
_DARK, _BRIGHT, _MOST = 128, 235, 8.0
_SAMPLED = 1024
"""Rows and columns that are looked at: a percentile of a few megabytes, however large the image is."""


def shown_values(image: Image) -> Shown:
    """What to show each value of an image as: every value as itself, unless the image is dark.

    An image is dark if the 99.5th percentile of its values, over all channels, is below 128. Then all channels are
    scaled by the one factor that makes this percentile 235, at most 8, so that hues stay and the noise of an almost
    empty image does not become all there is to see; what exceeds 255 becomes 255. Nothing gets darker.

    Args:
        image: (H, W, 1 or 3) uint8. Of more than 1024 rows or columns, evenly spaced ones are looked at.
    """
    rows, columns = (-(-length // _SAMPLED) for length in image.shape[:2])
    high = float(np.percentile(image[::rows, ::columns], _PERCENTILE))
    factor = min(_MOST, _BRIGHT / high) if 0 < high < _DARK else 1.0
    scaled = np.rint(np.arange(256) * factor)
    return np.asarray(np.minimum(scaled, 255), np.uint8)


def shown(picture: Image, values: Shown) -> Image:
    """An (H, W, 3) image, or a part or a smaller copy of it, with each value shown as ``values`` says."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(picture), values), np.uint8)
