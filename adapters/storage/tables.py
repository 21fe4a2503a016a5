"""The tables of a prepared data set: dataset.toml and metadata.csv, as text and as values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ...domain.description import DatasetInfo
from ...domain.errors import DataError
from ...domain.ports.preparing import DatasetRow, StoredPair
from ...domain.samples import Task

SCHEMA = 1
COLUMNS = ("id", "split", "image", "mask", "height", "width", "group", "image_sha256", "mask_sha256")
_AGAIN = "Prepare the data set again."


def info_to_data(info: DatasetInfo) -> dict[str, Any]:
    """The tables of dataset.toml."""
    return {
        "schema": SCHEMA,
        "name": info.name,
        "task": info.task.value,
        "source": info.source,
        "reader": info.reader,
        "seed": info.seed,
        "fingerprint": info.fingerprint,
        "warnings": info.warnings,
        "splits": info.split_sizes,
        "images": {
            "channels": info.channels,
            "mean": info.mean,
            "std": info.std,
            "height": info.height,
            "width": info.width,
            **({"resized": info.resized} if info.resized else {}),
        },
        "pixels": {"ignored": info.ignored_pixels, "classes": info.pixel_counts},
        "class_weights": info.class_weights,
    }


def info_from_data(data: Mapping[str, Any], where: str) -> DatasetInfo:
    """The reverse. Raises DataError for another schema version, or naming what is missing or wrong."""
    if data.get("schema") != SCHEMA:
        raise DataError(
            f"{where} has schema version {data.get('schema')}; this segport reads version {SCHEMA}.", fix=_AGAIN
        )
    try:
        images, pixels = data["images"], data["pixels"]
        return DatasetInfo(
            name=str(data["name"]),
            task=Task(data["task"]),
            channels=_channels(images["channels"]),
            seed=int(data["seed"]),
            split_sizes=_whole(data["splits"]),
            mean=_floats(images["mean"]),
            std=_floats(images["std"]),
            pixel_counts=_whole(pixels["classes"]),
            ignored_pixels=int(pixels["ignored"]),
            class_weights={str(k): _floats(v) for k, v in data["class_weights"].items()},
            height=_spread(images["height"]),
            width=_spread(images["width"]),
            fingerprint=str(data["fingerprint"]),
            source=str(data["source"]),
            reader=str(data["reader"]),
            resized=str(images.get("resized", "")),
            warnings=tuple(str(w) for w in data["warnings"]),
        )
    except KeyError as error:
        raise DataError(f"{where} lacks the key {error}.", fix=_AGAIN) from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{where} holds a wrong value: {error}.", fix=_AGAIN) from None


def format_rows(rows: Sequence[DatasetRow]) -> str:
    """metadata.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        s = row.stored
        writer.writerow(
            (row.id, row.split, s.image, s.mask, row.height, row.width, row.group, s.image_sha256, s.mask_sha256)
        )
    return text.getvalue()


def parse_rows(text: str, where: str) -> list[DatasetRow]:
    """The rows of metadata.csv, to the letter: an id may begin or end with a space.

    Raises DataError with every line that is wrong.
    """
    table = read_table(text, where, COLUMNS, spaces=True)
    problems: list[str] = []
    rows = []
    for number, cells in table.rows:
        try:
            stored = StoredPair(cells["image"], cells["mask"], cells["image_sha256"], cells["mask_sha256"])
            height, width = int(cells["height"]), int(cells["width"])
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        rows.append(DatasetRow(cells["id"], cells["split"], stored, height, width, cells["group"]))
    if problems:
        raise DataError(f"{where} holds wrong values.", problems=problems, fix=_AGAIN)
    return rows


def parse_splits(text: str, where: str) -> dict[str, str]:
    """Id to split. Raises DataError for a line without either, and for an id with two splits."""
    table = read_table(text, where, ("id", "split"))
    problems: list[str] = []
    splits: dict[str, str] = {}
    for number, cells in table.rows:
        key, split = cells["id"], cells["split"]
        if not key or not split:
            problems.append(f"line {number}: the {'split' if key else 'id'} is empty")
        elif splits.setdefault(key, split) != split:
            problems.append(f"line {number}: {key!r} is {split!r} here and {splits[key]!r} above")
    if problems:
        raise DataError(f"{where} cannot be used as a list of splits.", problems=problems)
    return splits


@frozen
class Table:
    """Cells by column, each row with its line in the file."""

    rows: tuple[tuple[int, Mapping[str, str]], ...]


def read_table(text: str, where: str, columns: Sequence[str], *, spaces: bool = False) -> Table:
    """A CSV table with a header. Raises DataError naming missing columns and short lines.

    A person who writes one puts spaces around cells that mean nothing; a program's are kept with ``spaces``.
    """
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=not spaces, strict=True)
    try:
        return _table(reader, where, columns, str if spaces else str.strip)
    except csv.Error as error:
        raise DataError(f"{where} is no table of text: {error}.") from None


def _table(reader: csv.DictReader[str], where: str, columns: Sequence[str], clean: Callable[[str], str]) -> Table:
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(
            f"{where} has no column {', '.join(missing)}.", fix=f"Expected a header with {','.join(columns)}."
        )
    rows: list[tuple[int, Mapping[str, str]]] = []
    short = []
    for row in reader:
        cells = {name: clean(row[name] or "") for name in columns}
        if any(row[name] is None for name in columns):
            short.append(f"line {reader.line_num}: expected {len(reader.fieldnames or ())} columns")
        rows.append((reader.line_num, cells))
    if short:
        raise DataError(f"{where} has lines that end too early.", problems=short)
    return Table(tuple(rows))


def _channels(value: Any) -> int:
    if value not in (1, 3):
        raise ValueError(f"images have 1 or 3 channels, not {value}")
    return int(value)


def _whole(values: Mapping[str, Any]) -> dict[str, int]:
    return {str(k): int(v) for k, v in values.items()}


def _floats(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _spread(values: Sequence[Any]) -> tuple[int, int, int]:
    least, median, largest = (int(v) for v in values)
    return least, median, largest
