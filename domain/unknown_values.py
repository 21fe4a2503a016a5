"""Errors for masks that hold what no class means: what was found, how often, and the likely fix."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from .arrays import AnyArray
from .errors import DataError
from .masks.colours import UnknownColour

_SHOWN = 16


def unknown_values(raw: AnyArray, known: Collection[int], classes: int, where: str) -> DataError:
    """The error for a mask with values outside ``known``: every such value, its pixels, and the likely fix."""
    values, counts = np.unique(raw, return_counts=True)
    present = {int(value): int(count) for value, count in zip(values, counts, strict=True)}
    unknown = sorted((value for value in present if value not in known), key=lambda value: (-present[value], value))
    problems = [f"value {value}: {_pixels(present[value], raw.size)}" for value in unknown[:_SHOWN]]
    if rest := sorted(unknown[_SHOWN:]):
        shown = ", ".join(map(str, rest[:256])) + (" ..." if len(rest) > 256 else "")
        problems.append(f"{len(rest)} more values, {_pixels(sum(present[v] for v in rest), raw.size)}: {shown}")
    return DataError(
        f"{where} holds {_plural(len(unknown), 'value')} that {_belong(len(unknown))} to none of {classes} classes.",
        problems=problems,
        fix=_advice(sorted(present), sorted(unknown), sorted(known)),
    )


def unknown_colours(unknown: Sequence[UnknownColour], pixels: int, where: str) -> DataError:
    """The error for a colour mask with unlisted colours: the most frequent ones, their pixels, and the likely fix."""
    problems = [f"colour {entry.colour}: {_pixels(entry.pixels, pixels)}" for entry in unknown[:_SHOWN]]
    if rest := unknown[_SHOWN:]:
        problems.append(f"{len(rest)} more colours, {_pixels(sum(entry.pixels for entry in rest), pixels)}")
    fix = "Add the missing colours to class_dict.csv, or mark them there as ignored (a column 'ignore' with 1)."
    if len(unknown) > 64:
        fix = (
            "So many colours are the trace of JPEG compression or of smoothed edges: export the masks again as PNG, "
            "without anti-aliasing and resized by nearest neighbour only."
        )
    return DataError(
        f"{where} holds {_plural(len(unknown), 'colour')} that {_belong(len(unknown))} to no class.",
        problems=problems,
        fix=fix,
    )


def _advice(present: Sequence[int], unknown: Sequence[int], known: Sequence[int]) -> str:
    if len(present) <= 2 and unknown[-1] in (255, 65535) and set(present) <= {0, unknown[-1]}:
        return f"Is this a 0/{unknown[-1]} binary mask? Then prepare it with a binary class map."
    if list(unknown) == [255]:
        return "255 is often ignore: pass --ignore 255."
    if 0 not in present and 0 in known and list(unknown) == [known[-1] + 1]:
        return "Do the labels start at 1? Then give each class its value in class_dict.csv (a column 'index')."
    if len(unknown) > 64:
        return (
            "So many values are the trace of JPEG compression, of smoothed edges, or of a picture that is no mask: "
            "export the masks again as PNG, without anti-aliasing."
        )
    listed = ",".join(map(str, unknown[:8]))
    return f"Add the values to the class table (a column 'index' in class_dict.csv), or ignore them: --ignore {listed}."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _belong(count: int) -> str:
    return "belongs" if count == 1 else "belong"


def _pixels(count: int, total: int) -> str:
    share = 100 * count / total
    return (
        f"{_plural(count, 'pixel')} ({share:.2g} %)" if share < 99.5 else f"{_plural(count, 'pixel')} ({share:.0f} %)"
    )
