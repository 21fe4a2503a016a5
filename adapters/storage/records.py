"""The tables a run writes while it goes: metrics.csv (the same bytes for the same run) and events.jsonl."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from ...domain.errors import CheckpointError
from ...domain.events import EpochDone, Event, RunFinished, RunStarted
from ...domain.json_values import jsonable
from .. import files

Row = dict[str, float]
_ALTERED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What a line that somebody altered may raise on the way to a row."""


def read_metrics(path: Path) -> list[Row]:
    """Rows in order of epoch; empty cells are left out. Raises CheckpointError naming the line that is no numbers."""
    if not path.exists():
        return []
    text = files.read_text(path, CheckpointError)
    if not text.endswith("\n"):
        raise CheckpointError(f"{path} is cut short: its last line has no end.")
    reader = csv.DictReader(io.StringIO(text))
    try:
        return [_row(line, f"{path}, line {reader.line_num}") for line in reader]
    except csv.Error as error:
        raise CheckpointError(f"{path} is no table of text: {error}.") from None


def _row(line: Mapping[str, str], where: str) -> Row:
    try:
        row = {name: float(cell) for name, cell in line.items() if cell}
    except (TypeError, ValueError):
        raise CheckpointError(f"{where}: expected numbers, found {dict(line)}.") from None
    if not row.get("epoch", math.nan).is_integer():
        raise CheckpointError(f"{where}, column epoch: expected a whole number, found {line.get('epoch')!r}.")
    return row


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
    line = json.dumps({"event": type(event).__name__, **jsonable(attrs.asdict(event))}, allow_nan=False)
    with path.open("ab+") as file:
        if file.tell() and not _ends_whole(file):
            file.write(b"\n")  # a line cut short by a crash stays alone on its line
        file.write(line.encode() + b"\n")


def read_told(path: Path) -> list[Row]:
    """The rows of metrics.csv by what events.jsonl tells; an epoch begun again takes the place of its first try."""
    rows: list[Row] = []
    for event in _events(path):
        if event.get("event") == EpochDone.__name__:
            with suppress(*_ALTERED):
                row = {name: _told(event[name]) for name in ("epoch", "rate")}
                row |= {name: _told(value) for name, value in event["metrics"].items()}
                rows = [*(other for other in rows if other["epoch"] < row["epoch"]), row]
    return rows


def _told(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """Line by line, without those that are none. Raises CheckpointError where the file cannot be read."""
    if not path.exists():
        return
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None
    for line in lines:
        with suppress(ValueError, RecursionError):  # cut short by a crash, or altered
            if isinstance(event := json.loads(line), dict):
                yield event


def told_finished(path: Path) -> bool:
    """Whether events.jsonl ends with a RunFinished; one may come before that, of a run that was given more epochs."""
    ends = (RunStarted.__name__, RunFinished.__name__)
    return [kind for event in _events(path) if (kind := event.get("event")) in ends][-1:] == [RunFinished.__name__]


def _ends_whole(file: Any) -> bool:
    file.seek(-1, io.SEEK_END)
    return bool(file.read(1) == b"\n")


def _cell(value: float) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
