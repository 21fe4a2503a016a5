"""The tables a run writes while it goes: metrics.csv (the same bytes for the same run) and events.jsonl."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ...domain.errors import CheckpointError
from ...domain.events import EpochDone, Event
from .. import files

Row = dict[str, float]


def read_metrics(path: Path) -> list[Row]:
    """Rows in order of epoch; empty cells are left out. Raises CheckpointError naming the line that is no numbers."""
    if not path.exists():
        return []
    rows = []
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    for line in reader:
        try:
            rows.append({name: float(cell) for name, cell in line.items() if cell})
        except (TypeError, ValueError):
            raise CheckpointError(f"{path}, line {reader.line_num}: expected numbers, found {line}.") from None
    return rows


def write_metrics(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Columns in order of first appearance; floats in the shortest form that reads back the same."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) if name in row else "" for name in columns] for row in rows)
    files.write_text(path, text.getvalue())


def metrics_row(event: EpochDone) -> Row:
    """What is the same in every run with the same seed: no times."""
    return {"epoch": event.epoch, "rate": event.rate, **event.metrics}


def append_event(path: Path, event: Event) -> None:
    """One JSON object a line, its type under "event". NaN and infinity become null, which JSON can hold."""
    line = json.dumps({"event": type(event).__name__, **_jsonable(attrs.asdict(event))}, allow_nan=False)
    with path.open("ab+") as file:
        if file.tell() and not _ends_whole(file):
            file.write(b"\n")  # a line cut short by a crash stays alone on its line
        file.write(line.encode() + b"\n")


def has_event(path: Path, kind: type[Event]) -> bool:
    """Whether an event of a kind was appended to a file; not, where there is none. Raises CheckpointError."""
    start = f'{{"event": "{kind.__name__}"'.encode()
    try:
        with path.open("rb") as file:
            return any(line.startswith(start) and line.endswith(b"}\n") for line in file)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None


def _ends_whole(file: Any) -> bool:
    file.seek(-1, io.SEEK_END)
    return bool(file.read(1) == b"\n")


def _cell(value: float) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
