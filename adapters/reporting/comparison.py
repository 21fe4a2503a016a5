"""Curves of several runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from .figures import INK, NORMAL, as_png, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), without their yellow, which is too faint for lines on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#212121")
_STYLES = ("-", "--", "-.", ":")
_MARKERS = "os^DvPX"


def run_curves(runs: Mapping[str, Sequence[Mapping[str, float]]], *, columns: Sequence[str]) -> bytes:
    """One plot a column of metrics.csv, one line a run: told apart by colour and marker, after seven by dashes too.

    Args:
        runs: rows by the run's name; NaN and missing cells leave a gap.
        columns: what to draw, e.g. "train_loss", "val_miou".
    """
    figure = new_figure(4.8 * len(columns) + 0.2, 4.1)
    for axes, column in zip(figure.subplots(1, len(columns), squeeze=False).flat, columns, strict=True):
        for number, (name, rows) in enumerate(runs.items()):
            _line(axes, rows, column, name, number)
        style_axes(axes, title=_nice(column), grid="both")
        axes.set_xlabel("epoch", fontsize=NORMAL, color=INK)
        axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False)
    return as_png(figure)


def _line(axes: Axes, rows: Sequence[Mapping[str, float]], column: str, name: str, number: int) -> None:
    points = np.array([(row["epoch"], row[column]) for row in rows if isfinite(row.get(column, nan))])
    axes.plot(
        *points.reshape(-1, 2).T,
        _STYLES[number // len(_COLOURS) % len(_STYLES)],
        color=_COLOURS[number % len(_COLOURS)],
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4,
        markevery=max(1, len(points) // 12),
        label=name,
    )


def _nice(column: str) -> str:
    part, _, quantity = column.partition("_")
    return f"{'validation' if part == 'val' else 'training'} {quantity.replace('miou', 'mean IoU').replace('_', ' ')}"
