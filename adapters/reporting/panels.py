"""Strips of image | truth | prediction | errors; dark images are brightened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

import numpy as np
from PIL import Image as Pillow

from ...domain.arrays import Image, Labels, Planes
from ...domain.ports.reporting import Panel
from . import boxes
from .brightness import shown, shown_values
from .overlay import Colours, as_rgb, ignored, paint

# Okabe and Ito's vermilion and blue differ for every kind of colour vision, also in lightness.
FALSE_POSITIVE = (213, 94, 0)
FALSE_NEGATIVE = (0, 114, 178)
BOTH = (204, 121, 167)
CONFUSED = (213, 94, 0)
CORRECT_FOREGROUND = (186, 186, 186)
CORRECT = (240, 240, 240)

HEADINGS = ("image", "truth", "prediction", "errors")


def error_map(truth: Labels, prediction: Labels, *, binary: bool) -> Image:
    """(H, W, 3): where and how the prediction is wrong; pixels whose truth is IGNORE are grey.

    Binary: found foreground mid grey, background light, false positives vermilion, false negatives blue.
    Planes: likewise of any class, with pixels that are both in purple. Otherwise: correct light, wrong vermilion.
    """
    errors = np.empty((*truth.shape[:2], 3), np.uint8)
    errors[:] = CORRECT
    if truth.ndim == 3:
        _mark_planes(errors, truth, prediction)
    elif binary:
        errors[(truth == 1) & (prediction == 1)] = CORRECT_FOREGROUND
        errors[(truth == 0) & (prediction == 1)] = FALSE_POSITIVE
        errors[(truth == 1) & (prediction == 0)] = FALSE_NEGATIVE
    else:
        errors[truth != prediction] = CONFUSED
    errors[ignored(truth)] = boxes.HATCH_LIGHT
    return errors


def _mark_planes(errors: Image, truth: Planes, prediction: Planes) -> None:
    more, less = (truth == 0) & (prediction == 1), (truth == 1) & (prediction == 0)
    false, missed = more.any(axis=2), less.any(axis=2)
    errors[((truth == 1) & (prediction == 1)).any(axis=2)] = CORRECT_FOREGROUND
    errors[false] = FALSE_POSITIVE
    errors[missed] = FALSE_NEGATIVE
    errors[false & missed] = BOTH


def panels(groups: Mapping[str, Sequence[Panel]], names: Sequence[str], colours: Colours, *, metric: str) -> bytes:
    """PNG of all groups, one below another, each panel titled by key and score, with one legend at the end."""
    shown = [panel for group in groups.values() for panel in group]
    planes = any(panel.truth.ndim == 3 for panel in shown)
    binary = len(names) == 2 and not planes
    parts: list[Pillow.Image] = []
    for heading, group in groups.items():
        parts.append(boxes.column([boxes.text(heading, 18, bold=True), _headings()]))
        parts += [boxes.column([_title(p, metric), _strip(p, colours, binary=binary)], gap=3) for p in group]
    entries = _entries(names, colours, binary=binary, planes=planes)
    if any(bool(ignored(panel.truth).any()) for panel in shown):
        entries.append(("ignored", None))
    parts.append(boxes.legend(entries, _WIDTH))
    return boxes.png(boxes.column(parts, gap=14, margin=boxes.MARGIN))


_WIDTH = len(HEADINGS) * boxes.TILE + (len(HEADINGS) - 1) * boxes.GAP


def _headings() -> Pillow.Image:
    cells = [np.asarray(boxes.text(heading, colour=boxes.PALE)) for heading in HEADINGS]
    return boxes.row([boxes.tile(cell, boxes.TILE, cell.shape[0]) for cell in cells])


def _title(panel: Panel, metric: str) -> Pillow.Image:
    score = "undefined" if isnan(panel.score) else f"{panel.score:.3f}"
    result = boxes.text(f"{metric} {score}", bold=True)
    return boxes.row([boxes.text(panel.key, width=_WIDTH - result.width - 16), result], 16)


def _strip(panel: Panel, colours: Colours, *, binary: bool) -> Pillow.Image:
    size = boxes.scaled_size(panel.truth.shape[:2])
    faint = boxes.scale(ignored(panel.truth).astype(np.uint8) * 255, size, smooth=False) > 127
    image = shown(boxes.scale(as_rgb(panel.image), size, smooth=True), shown_values(panel.image))
    truth = boxes.hatch(boxes.scale(paint(panel.truth, colours), size, smooth=False), faint)
    prediction = boxes.scale(paint(panel.prediction, colours), size, smooth=False)
    errors = boxes.scale(error_map(panel.truth, panel.prediction, binary=binary), size, smooth=False)
    pictures = (image, truth, prediction, boxes.hatch(errors, faint))
    return boxes.row([boxes.tile(picture, boxes.TILE, size[0]) for picture in pictures])


def _entries(names: Sequence[str], colours: Colours, *, binary: bool, planes: bool) -> list[boxes.Entry]:
    entries: list[boxes.Entry] = [(name, rgb(colour)) for name, colour in zip(names, colours, strict=True)]
    if binary or planes:
        entries += [("false positive", FALSE_POSITIVE), ("false negative", FALSE_NEGATIVE)]
        entries += [("both, of different classes", BOTH)] if planes else []
        entries += [("correct foreground", CORRECT_FOREGROUND), ("correct background", CORRECT)]
    else:
        entries += [("correct", CORRECT), ("wrong", CONFUSED)]
    return entries


def rgb(colour: Colours) -> tuple[int, int, int]:
    """One row of a colour table as a tuple."""
    red, green, blue = (int(value) for value in colour)
    return red, green, blue
