"""From a mask file to class indices, however the file says it: by value, by palette colour or by colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...domain.arrays import AnyArray, Labels
from ...domain.classes import ClassMap
from ...domain.errors import DataError
from ...domain.masks.colours import pack
from .decode import decode_mask
from .pictures import MAX_PIXELS


def read_labels(path: Path, classes: ClassMap, max_pixels: int = MAX_PIXELS) -> Labels:
    """(H, W) uint8 class indices of one mask file.

    Grey and palette masks are read by their stored values; where these are no raw values of the class map, by the
    colours they show (a 0/255 mask beside a class_dict.csv that says black and white). Colour masks are read by colour;
    where all their pixels are grey, by that grey value.

    Raises:
        DataError: naming the file, and every unknown value or colour with its number of pixels.
    """
    raw = decode_mask(path, max_pixels)
    where = str(path)
    if raw.ndim == 3:
        if _is_grey(raw) and not all_known(raw, classes):
            return classes.encode(raw[..., 0], where)
        return classes.encode_colours(raw, where)
    try:
        return classes.encode(raw, where)
    except DataError:
        if raw.dtype != np.uint8:
            raise
        shown = decode_mask(path, max_pixels, colours=True)
        if all_known(shown, classes):
            return classes.encode_colours(shown, where)
        raise


def read_plane(path: Path, max_pixels: int = MAX_PIXELS) -> Labels:
    """(H, W) uint8 of 0, 1 and IGNORE: the mask file of one class, as ``masks.planes`` says.

    Raises:
        DataError: as ``read_labels``.
    """
    try:
        return read_labels(path, ClassMap.plane(), max_pixels)
    except DataError as error:
        if not error.problems:
            raise
        fix = "The mask of one class holds 0 outside it, 255 (or 1) inside, and 128 where nobody knows."
        raise DataError(error.message, problems=error.problems, fix=fix) from None


def _is_grey(rgb: AnyArray) -> bool:
    return bool((rgb == rgb[..., :1]).all())


def all_known(rgb: AnyArray, classes: ClassMap) -> bool:
    """Whether every colour of an (H, W, 3) mask is that of a class, or ignored."""
    known = pack(np.array([*classes.colours.tolist(), *classes.ignored_colours], np.uint8))
    # np.unique over the rows of (pixels, 3) would sort them: a third of a second for a small mask
    return bool(np.isin(np.unique(pack(rgb)), known).all())
