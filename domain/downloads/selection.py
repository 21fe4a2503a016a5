"""Which images and masks of an index are wanted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from ..errors import DataError, UnknownNameError

_ID = re.compile(r"[0-9a-f]+")


def labels_of(names: Sequence[str], table: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Label to name of the classes asked for, by name in any case, or by label ("/m/01yrx").

    Args:
        names: as users write them.
        table: rows (label, name).

    Raises:
        UnknownNameError: with the nearest known names.
    """
    known = {row[0]: row[1] for row in table if len(row) >= 2}
    by_name = {name.casefold(): label for label, name in known.items()}
    found = {}
    for name in names:
        label = name if name in known else by_name.get(name.strip().casefold())
        if label is None:
            raise _unknown(name, sorted(known.values()))
        found[label] = known[label]
    return found


def _unknown(name: str, known: Sequence[str]) -> UnknownNameError:
    lower = {one.casefold(): one for one in known}
    near = [lower[one] for one in difflib.get_close_matches(name.casefold(), lower, n=5, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    some = f", such as {known[0]!r}" if known else ""
    return UnknownNameError(f"Unknown class {name!r}.", fix=f"{hint}There are {len(known)} classes{some}.")


@frozen
class MaskRow:
    """A row of an index: the mask's file name, the image's id, the label, and the row itself."""

    mask: str
    image: str
    label: str
    cells: Sequence[str]


def mask_rows(rows: Iterable[Sequence[str]], where: str) -> Iterator[MaskRow]:
    """The rows of an index below its header.

    Raises DataError naming ``where`` and the row, for missing columns, short rows, and ids that are no hexadecimal
    numbers: they become parts of addresses and paths.
    """
    cells = iter(rows)
    header = list(next(cells, ()))
    missing = [name for name in ("MaskPath", "ImageID", "LabelName") if name not in header]
    if missing:
        raise DataError(f"{where} has no column {', '.join(missing)}; its header is {','.join(header)!r}.")
    mask, image, label = (header.index(name) for name in ("MaskPath", "ImageID", "LabelName"))
    for number, row in enumerate(cells, 2):
        if len(row) != len(header):
            raise DataError(f"{where}, row {number}: expected {len(header)} columns, found {len(row)}.")
        if not _ID.fullmatch(row[image]):
            raise DataError(f"{where}, row {number}, ImageID: expected a hexadecimal number, found {row[image]!r}.")
        yield MaskRow(row[mask], row[image], row[label], row)


def choose_images(rows: Iterable[MaskRow], labels: Iterable[str], count: int | None) -> Mapping[str, Sequence[str]]:
    """For every label the ids of the first ``count`` images that show it, in order of their ids; None takes all.

    Ids are random numbers, so this is a sample. And as archives of masks are cut by the first digit of the id, a small
    sample needs one archive only.
    """
    found: dict[str, set[str]] = {label: set() for label in labels}
    for row in rows:
        if row.label in found:
            found[row.label].add(row.image)
    return {label: sorted(images)[:count] for label, images in found.items()}
