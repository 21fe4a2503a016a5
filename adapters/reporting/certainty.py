"""Plots of probabilities: whether they can be believed, and how sure a model is where it is right and where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...domain.metrics.calibration import ECE_BINS, RIGHT, WRONG, Calibration
from ...domain.metrics.logits import LIMIT, OTHERS, OWN, LogitCounts
from .boxes import shorten
from .figures import (
    BLUE,
    GREY,
    INK,
    NORMAL,
    SMALL,
    VERMILION,
    as_png,
    in_pixels,
    logarithmic_counts,
    new_figure,
    short_count,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 36
"""Classes that one picture shows."""
_HEADING = 250
"""Pixels that a heading may be wide: somewhat less than a plot of ``_grid`` is, with any number of columns."""


def reliability(calibration: Calibration, *, title: str = "") -> bytes:
    """Reliability diagram: share right and mean confidence in each bin, above the number of pixels in it."""
    binned = calibration.overall.merged(ECE_BINS)
    edges = np.linspace(0, 1, ECE_BINS + 1)
    figure = new_figure(5.6, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bars = {"width": 1 / ECE_BINS, "align": "edge", "edgecolor": "white"}
    upper.bar(edges[:-1], np.nan_to_num(binned.accuracy[0]), color=BLUE, label="share right", **bars)
    upper.hlines(binned.confidence[0], edges[:-1], edges[1:], color=VERMILION, linewidth=2.5, label="mean confidence")
    upper.plot((0, 1), (0, 1), color=GREY, linestyle="--", linewidth=1, label="perfect calibration")
    upper.set_ylim(0, 1)
    upper.set_ylabel("share of the bin's pixels", fontsize=NORMAL, color=INK)
    style_axes(upper, title=f"{title or 'Reliability'}: ECE {calibration.ece().value:.4f}", grid="both")
    lower.bar(edges[:-1], binned.pixels[0], color=GREY, **bars)
    logarithmic_counts(lower, int(binned.pixels.max()))
    lower.set_ylabel("pixels", fontsize=NORMAL, color=INK)
    lower.set_xlabel("confidence: probability of the predicted class", fontsize=NORMAL, color=INK)
    lower.set_xlim(_least(calibration), 1)
    style_axes(lower, title="", grid="y")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return as_png(figure)


def confidences(calibration: Calibration, names: Sequence[str], *, title: str = "") -> bytes:
    """One histogram of confidence a predicted class, right and wrong pixels apart; the 36 most predicted classes."""

    def draw(axes: Axes, index: int) -> None:
        counts = calibration.counts[index]
        _histogram(axes, counts, np.linspace(0, 1, len(counts) + 1), {"right": RIGHT, "wrong": WRONG})
        total = int(counts.sum())
        note = f"{short_count(total)} px, {counts[:, WRONG].sum() / total:.1%} wrong" if total else "never predicted"
        _head(axes, names[index], note)
        logarithmic_counts(axes, int(calibration.counts.max()))
        axes.set_xlim(_least(calibration), 1)

    return _grid(most_predicted(calibration), draw, title=title or "Confidence by predicted class", below="confidence")


def most_predicted(calibration: Calibration) -> list[int]:
    """Indices of the 36 classes with the most pixels predicted as them, in order of index."""
    return _most(calibration.pixels.sum(axis=1))


def logits(found: LogitCounts, names: Sequence[str], *, title: str = "") -> bytes:
    """One histogram of logits a class, its own pixels and the others apart; the 36 classes with the most pixels."""

    def draw(axes: Axes, index: int) -> None:
        counts = found.counts[index]
        _histogram(axes, counts, found.edges, {"pixels of the class": OWN, "other pixels": OTHERS})
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--", label="p = 1/2")
        _head(axes, names[index], _missed(counts, found.edges))
        logarithmic_counts(axes, int(found.counts.max()))
        axes.set_xlim(-LIMIT, LIMIT)

    below = "logit of p: log(p / (1 - p))"
    return _grid(_most(found.counts[..., OWN].sum(axis=1)), draw, title=title or "Logits by class", below=below)


def _missed(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> str:
    total = int(counts[:, OWN].sum())
    below = counts[edges[:-1] < 0, OWN].sum()
    return f"{short_count(total)} px, {below / total:.1%} below 0" if total else "absent"


def _grid(shown: Sequence[int], draw: Callable[[Axes, int], None], *, title: str, below: str) -> bytes:
    """A plot a class, all with the same axes."""
    columns = min(len(shown), 4 if len(shown) <= 12 else 6)
    lines = -(-len(shown) // columns)
    figure = new_figure(2.7 * columns + 0.4, 2.1 * lines + 1.1)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes, index in zip(grid.flat, shown, strict=False):
        draw(axes, index)
    for axes in list(grid.flat)[len(shown) :]:
        axes.remove()
    for place in range(len(shown) - columns, len(shown)):  # the lowest in each column
        grid.flat[place].set_xlabel(below, fontsize=NORMAL, color=INK)
        grid.flat[place].tick_params(labelbottom=True)
    figure.suptitle(title, fontsize=12, color=INK, x=0.01, ha="left")
    figure.supylabel("pixels", fontsize=NORMAL, color=INK)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return as_png(figure)


def _head(axes: Axes, name: str, note: str) -> None:
    """Two lines no wider than a plot: a long name loses its middle, so that it does not run into its neighbour's."""
    axes.set_title(f"{shorten(name, _HEADING, in_pixels(SMALL))}\n{note}", fontsize=SMALL, color=INK, loc="left")


def _most(pixels: NDArray[np.int64]) -> list[int]:
    return sorted(np.argsort(-pixels, kind="stable")[:_MOST].tolist())


def _histogram(axes: Axes, counts: NDArray[np.int64], edges: NDArray[np.float64], columns: Mapping[str, int]) -> None:
    """Two columns of counts: the first filled, the second as a line before it."""
    (filled, one), (lined, other) = columns.items()
    axes.stairs(counts[:, one], edges, fill=True, color=BLUE, alpha=0.55, label=filled)
    axes.stairs(counts[:, other], edges, color=VERMILION, linewidth=1.6, label=lined)
    style_axes(axes, title="", grid="y")


def _least(calibration: Calibration) -> float:
    """The lower edge of the first bin that K classes can reach: of K probabilities one is at least 1 / K.

    One class has the edge of two, since an axis from 1 to 1 cannot be drawn.
    """
    return int(ECE_BINS / max(2, len(calibration.counts))) / ECE_BINS
