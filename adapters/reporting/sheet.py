"""Contact sheets: many samples at a glance, dark ones brightened, labels laid over."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

from PIL import Image as Pillow

from ...domain.resampling import resize_labels
from ...domain.samples import Sample
from . import boxes
from .brightness import shown_values
from .overlay import Colours, as_rgb, background_of, ignored, overlay
from .panels import rgb

_TILE = 224


def contact_sheet(samples: Sequence[Sample], names: Sequence[str], colours: Colours, *, title: str = "") -> bytes:
    """PNG of a grid of samples, each with its key below, and the classes' legend. At least one sample."""
    columns = min(6, max(2, ceil(sqrt(len(samples) * 1.2))))
    planes = any(sample.labels.ndim == 3 for sample in samples)
    background = None if planes else background_of(names)
    rows = [_row(samples[i : i + columns], colours, background) for i in range(0, len(samples), columns)]
    entries: list[boxes.Entry] = [(name, rgb(colour)) for name, colour in zip(names, colours, strict=True)]
    if background is not None:
        entries[background] = (f"{names[background]} (not painted)", boxes.WHITE)
    if any(bool(ignored(sample.labels).any()) for sample in samples):
        entries.append(("ignored", None))
    heading = [boxes.text(title, 18, bold=True)] if title else []
    legend = boxes.legend(entries, rows[0].width if len(rows) > 1 else max(rows[0].width, 2 * _TILE))
    return boxes.png(boxes.column([*heading, *rows, legend], gap=12, margin=boxes.MARGIN))


def _row(samples: Sequence[Sample], colours: Colours, background: int | None) -> Pillow.Image:
    height = max(boxes.scaled_size(sample.labels.shape[:2], _TILE)[0] for sample in samples)
    return boxes.row([_cell(sample, colours, height, background) for sample in samples])


def _cell(sample: Sample, colours: Colours, height: int, background: int | None) -> Pillow.Image:
    size = boxes.scaled_size(sample.labels.shape[:2], _TILE)
    labels = resize_labels(sample.labels, size)
    image = boxes.scale(as_rgb(sample.image), size, smooth=True)
    laid = overlay(image, labels, colours, background=background, values=shown_values(sample.image))
    picture = boxes.hatch(laid, ignored(labels))
    caption = boxes.text(sample.key, 13, colour=boxes.PALE, width=_TILE)
    return boxes.column([boxes.tile(picture, _TILE, height), caption], gap=2)
