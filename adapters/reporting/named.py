"""Images, dark ones brightened, with the names of their classes below, where a label is one of the whole image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt

from PIL import Image as Pillow

from ...domain.arrays import Image
from ...domain.ports.reporting import Panel
from ...domain.samples import Sample
from . import boxes
from .brightness import shown, shown_values
from .overlay import as_rgb
from .panels import CONFUSED

_TILE = 224
_COLUMNS = 4


def named(groups: Mapping[str, Sequence[Panel]], names: Sequence[str]) -> bytes:
    """PNG of all groups, one below another: each image with its class and, where that is another, the predicted one."""
    parts: list[Pillow.Image] = []
    for heading, group in groups.items():
        cells = [_cell(p.image, p.key, names[p.truth.item()], names[p.prediction.item()]) for p in group]
        parts += [boxes.text(heading, 18, bold=True), *_rows(cells, _COLUMNS)]
    return boxes.png(boxes.column(parts, gap=14, margin=boxes.MARGIN))


def named_sheet(samples: Sequence[Sample], names: Sequence[str], *, title: str = "") -> bytes:
    """PNG of a grid of samples, each with its class and its key below. At least one sample."""
    cells = [_cell(s.image, s.key, names[s.labels.item()], names[s.labels.item()]) for s in samples]
    heading = [boxes.text(title, 18, bold=True)] if title else []
    rows = _rows(cells, min(6, max(2, ceil(sqrt(len(samples) * 1.2)))))
    return boxes.png(boxes.column([*heading, *rows], gap=12, margin=boxes.MARGIN))


def _rows(cells: Sequence[Pillow.Image], columns: int) -> list[Pillow.Image]:
    return [boxes.row(cells[i : i + columns]) for i in range(0, len(cells), columns)]


def _cell(image: Image, key: str, truth: str, prediction: str) -> Pillow.Image:
    small = boxes.scale(as_rgb(image), boxes.scaled_size(image.shape[:2], _TILE), smooth=True)
    picture = shown(small, shown_values(image))
    name = boxes.text(truth, bold=True, width=_TILE)
    wrong = [boxes.text(f"taken for {prediction}", colour=CONFUSED, width=_TILE)] if prediction != truth else []
    caption = boxes.text(key, 13, colour=boxes.PALE, width=_TILE)
    return boxes.column([boxes.tile(picture, _TILE, _TILE), name, *wrong, caption], gap=2)
