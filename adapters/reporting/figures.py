"""What all plots share: colours, sizes, axes, bytes. matplotlib is imported when one is drawn; its state is kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by every kind of colour vision.
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#767676"
INK, FAINT = "#212121", "#E0E0E0"
SMALL, NORMAL, LARGE = 9, 10, 12
_DPI = 120


def new_figure(width: float, height: float) -> Figure:
    """White, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")


def in_pixels(points: int) -> int:
    """A size of text in pixels of the picture."""
    return round(points * _DPI / 72)


def style_axes(axes: Axes, *, title: str, grid: str) -> None:
    """Title on the left, two quiet spines, and grid lines of "x", "y", "both" or "" behind all that is drawn."""
    axes.set_title(title, fontsize=LARGE, color=INK, loc="left")
    axes.tick_params(labelsize=NORMAL, labelcolor=INK, color=GREY, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]


def short_count(count: int) -> str:
    """A count with three digits: 950, 12.3 k, 4.56 M."""
    for unit, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if count >= 0.9995 * size:  # what three digits would round up to the next unit
            return f"{count / size:.3g}{unit}"
    return str(count)


def logarithmic_counts(axes: Axes, most: int) -> None:
    """A y axis of counts on which one can be seen, and so can ``most``; its ticks say 1, 10, 100, 1 k.

    matplotlib's own labels of such an axis are formulas, and ``as_png`` draws none.
    """
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_ylim(0.7, max(10, 2 * most))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(round(value))))
    axes.yaxis.set_minor_formatter(NullFormatter())


def as_png(figure: Figure) -> bytes:
    """The same bytes for the same figure. A name with dollars is a name, and no formula, which may be a wrong one."""
    from matplotlib import rc_context
    from matplotlib.text import Text

    buffer = io.BytesIO()
    with rc_context({"text.parse_math": False}):  # for the labels of ticks, which are made now
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.12, metadata={"Software": None})
    return buffer.getvalue()
