"""Plots of numbers as PNG bytes. matplotlib is imported when one is drawn, and its global state is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from ...domain.arrays import Counts
from ...domain.training.selection import better
from .figures import BLUE, GREY, INK, NORMAL, SMALL, VERMILION, as_png, new_figure, short_count, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_curves(rows: Sequence[Mapping[str, float]], *, monitor: str = "val_miou") -> bytes:
    """Loss, the monitored score, then up to four others over epochs; training and validation in one plot each.

    Args:
        rows: one an epoch, at least one: "epoch" and columns "train_<quantity>" or "val_<quantity>"; NaN leaves a gap.
        monitor: the column whose best epoch is marked. The lowest is best for a loss, else the highest.
    """
    quantities = _quantities(rows, monitor)
    columns = min(3, len(quantities))
    lines = -(-len(quantities) // columns)
    figure = new_figure(4.6 * columns + 0.2, 3.3 * lines + 0.6)
    grid = figure.subplots(lines, columns, squeeze=False)
    best = _best_epoch(rows, monitor)
    for axes, quantity in zip(grid.flat, quantities, strict=False):
        _curve(axes, rows, quantity, best)
    for axes in list(grid.flat)[len(quantities) :]:
        axes.remove()
    handles = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(
        list(handles.values()), [str(label) for label in handles], loc="outside lower center", ncols=3, frameon=False
    )
    return as_png(figure)


def _quantities(rows: Sequence[Mapping[str, float]], monitor: str) -> list[str]:
    """Names without "train_" and "val_": loss first, then what is monitored, then others, six at most."""
    found = dict.fromkeys(c.split("_", 1)[1] for row in rows for c in row if c.startswith(("train_", "val_")))
    return sorted(found, key=lambda q: (q != "loss", q != monitor.split("_", 1)[-1]))[:6]


def _best_epoch(rows: Sequence[Mapping[str, float]], monitor: str) -> float:
    sign = -1 if better(monitor) == "min" else 1
    scored = [(sign * row[monitor], -row["epoch"]) for row in rows if isfinite(row.get(monitor, nan))]
    return -max(scored)[1] if scored else nan


def _curve(axes: Axes, rows: Sequence[Mapping[str, float]], quantity: str, best: float) -> None:
    from matplotlib.ticker import MaxNLocator

    for part, name, colour, style in (("train", "training", BLUE, "--"), ("val", "validation", VERMILION, "-")):
        column = f"{part}_{quantity}"
        points = [(row["epoch"], row[column]) for row in rows if isfinite(row.get(column, nan))]
        if points:
            marker = "o" if len(points) <= 20 else None
            axes.plot(*np.array(points).T, style, color=colour, marker=marker, markersize=3.5, label=name)
    if isfinite(best):
        axes.axvline(best, color=GREY, linewidth=1, linestyle=":", label=f"best epoch ({best:g})")
    style_axes(axes, title=_nice(quantity), grid="both")
    axes.set_xlabel("epoch", fontsize=NORMAL, color=INK)
    axes.set_xlim(rows[0]["epoch"] - 0.5, rows[-1]["epoch"] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _nice(quantity: str) -> str:
    return {"miou": "mean IoU", "iou": "IoU", "f1": "F1"}.get(quantity, quantity.replace("_", " "))


def confusion(counts: Counts, names: Sequence[str], *, title: str = "") -> bytes:
    """Heat map in percent of each row, so that the diagonal is recall. Rows without pixels are marked absent.

    Args:
        counts: (K, K) int64, row = truth, column = prediction.
        names: K class names.
    """
    support = counts.sum(axis=1, keepdims=True)
    percent = 100 * np.divide(counts, support, out=np.full(counts.shape, nan), where=support > 0)
    size = len(names)
    cell = 0.62 if size <= 12 else 0.44
    figure = new_figure(max(4.0, size * cell + 2.6), max(3.0, size * cell + 1.8))
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if support[row, 0]:
            ink = "white" if value > 55 else INK
            axes.text(column, row, _percent(value, size), ha="center", va="center", color=ink, fontsize=SMALL)
    absent = [f"{name} (absent)" if not total else name for name, total in zip(names, support[:, 0], strict=True)]
    axes.set_xticks(range(size), names, rotation=45 if size > 2 else 0, ha="right" if size > 2 else "center")
    axes.set_yticks(range(size), absent)
    axes.set_xlabel("prediction, % of the truth", fontsize=NORMAL, color=INK)
    axes.set_ylabel("truth", fontsize=NORMAL, color=INK)
    style_axes(axes, title=title or "Confusion", grid="")
    return as_png(figure)


def _percent(value: float, size: int) -> str:
    """Short enough for its cell: whole numbers in large matrices, and nothing for what rounds to nothing there."""
    if size <= 12:
        return f"{value:.1f}"
    return f"{value:.0f}" if value >= 0.5 else ""


def class_bars(values: Sequence[float], support: Sequence[int], names: Sequence[str], *, metric: str) -> bytes:
    """One bar a class with its number ("absent" for NaN), the truth's pixels, and the mean of the present classes."""
    labels = [f"{name}  ({short_count(total)} px)" for name, total in zip(names, support, strict=True)]
    texts = ["absent" if not isfinite(value) else f"{value:.3f}" for value in values]
    present = [value for value in values if isfinite(value)]
    mean = sum(present) / len(present) if present else nan
    mark = f" (dashed: mean of {len(present)} present, {mean:.3f})" if present else ""
    title = f"{metric} by class{mark}"
    figure, axes = _bars([v if isfinite(v) else 0.0 for v in values], labels, texts, title)
    axes.set_xlim(0, 1)
    if present:
        axes.axvline(mean, color=VERMILION, linewidth=1.2, linestyle="--")
    return as_png(figure)


def _bars(values: Sequence[float], labels: Sequence[str], texts: Sequence[str], title: str) -> tuple[Figure, Axes]:
    """Horizontal bars, the first on top, the numbers in a column right of the plot where no bar can reach them."""
    figure = new_figure(7.2, 0.27 * len(values) + 1.2)
    axes = figure.subplots()
    axes.barh(range(len(values)), values, height=0.7, color=BLUE)
    axes.set_yticks(range(len(values)), labels)
    axes.set_ylim(len(values) - 0.4, -0.6)
    for index, string in enumerate(texts):
        axes.annotate(
            string, (1, index), xytext=(6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center_baseline", fontsize=NORMAL, color=GREY if string == "absent" else INK,
        )  # fmt: skip
    style_axes(axes, title=title, grid="x")
    return figure, axes
