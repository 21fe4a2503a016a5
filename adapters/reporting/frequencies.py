"""Histograms of classes: each one's share of the pixels, one bar a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .figures import BLUE, GREEN, INK, NORMAL, ORANGE, VERMILION, as_png, new_figure, short_count, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (BLUE, ORANGE, GREEN, VERMILION)
_THICK = 0.15
"""Of a bar and the number beside it, in inches."""


def class_frequencies(pixels: Mapping[str, Mapping[str, int]], *, title: str = "") -> bytes:
    """Each class's share of the pixels of each split, with percent and count.

    Args:
        pixels: split to class to pixels; every split names the same classes.
        title: above the plot.
    """
    names = list(next(iter(pixels.values())))
    group = len(pixels) * _THICK + 0.12
    figure = new_figure(7.2, group * len(names) + 1.5)
    axes = figure.subplots()
    for number, (split, counts) in enumerate(pixels.items()):
        place = (number - (len(pixels) - 1) / 2) * _THICK / group
        _bars(axes, counts, split, place=place, thick=_THICK / group, colour=_COLOURS[number % len(_COLOURS)])
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlim(left=0)
    axes.set_xlabel("% of what counts in the split", fontsize=NORMAL, color=INK)
    style_axes(axes, title=title or "Share of pixels", grid="x")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return as_png(figure)


def _bars(axes: Axes, counts: Mapping[str, int], split: str, *, place: float, thick: float, colour: str) -> None:
    """One split's bars; the numbers stand in a column right of the plot where no bar can reach them."""
    total = sum(counts.values())
    shares = [100 * count / max(1, total) for count in counts.values()]
    rows = [index + place for index in range(len(shares))]
    axes.barh(rows, shares, height=0.88 * thick, color=colour, label=f"{split} ({short_count(total)} px)")
    for row, share, count in zip(rows, shares, counts.values(), strict=True):
        percent = f"{share:.2g} %" if share < 1 else f"{share:.1f} %"
        axes.annotate(
            f"{percent}  ({short_count(count)} px)", (1, row), xytext=(6, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center_baseline", fontsize=7.5, color=INK,
        )  # fmt: skip
