"""The class map that a folder carries or its masks imply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ....domain.class_names import parse_class_names, parse_label_colours
from ....domain.classes import ClassMap, parse_class_dict
from ....domain.errors import DataError
from ...files import read_text
from ..decode import decode_mask

_TABLE = "class_dict.csv"
_NAME_LISTS = ("classes.txt", "codes.txt")
_COLOUR_LIST = "label_colors.txt"
_LOOKED_AT = 24


def implied_classes(places: Iterable[Path], masks: Sequence[Path], max_pixels: int) -> ClassMap | None:
    """The class map for ``masks``: what a table says, else what their values leave no doubt about.

    1. ``class_dict.csv`` in one of the ``places``.
    2. ``label_colors.txt`` there: red, green, blue and name, one class a line.
    3. ``classes.txt`` or ``codes.txt`` there: one name a line in order of the values, or value and name ("3 road").
    4. Background and foreground, when some masks spread over the whole list hold only 0 and 255, or only 0 and 1.

    Returns None otherwise. Raises DataError for a table that cannot be used.
    """
    for place in places:
        if (place / _TABLE).is_file():
            return parse_class_dict(read_text(place / _TABLE), str(place / _TABLE))
        if (place / _COLOUR_LIST).is_file():
            return parse_label_colours(read_text(place / _COLOUR_LIST), str(place / _COLOUR_LIST))
        for name in _NAME_LISTS:
            if (place / name).is_file():
                return parse_class_names(read_text(place / name), str(place / name))
    return ClassMap.binary() if _are_binary(masks, max_pixels) else None


def _are_binary(masks: Sequence[Path], max_pixels: int) -> bool:
    """Whether the masks looked at hold two values, 0 and 255 or 0 and 1; broken files are left to be found later."""
    step = max(1, len(masks) // _LOOKED_AT)
    values: set[int] = set()
    for path in masks[::step][:_LOOKED_AT]:
        try:
            raw = decode_mask(path, max_pixels)
        except DataError:
            continue
        if raw.ndim == 3 and not (raw == raw[..., :1]).all():
            return False
        values.update(np.unique(raw).tolist())
        if not (values <= {0, 255} or values <= {0, 1}):
            return False
    return len(values) == 2
