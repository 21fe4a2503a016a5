"""Scalars for TensorBoard, written with its own package: neither torch nor TensorFlow is loaded for it."""

from __future__ import annotations

import os
import time
from itertools import count
from math import isfinite
from pathlib import Path
from socket import gethostname
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event as Record
from tensorboard.compat.proto.event_pb2 import SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from ...domain.events import EpochDone, Event, RunStarted

FOLDER = "tensorboard"


class TensorboardTracker:
    """Implements ``domain.ports.tracking.Tracker``: every number of each epoch, in event files in the run's folder.

    To look at all runs at once: ``tensorboard --logdir runs``.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path) -> None:
        folder = run / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{gethostname()}.{os.getpid()}"
        # A run that is resumed within the same second and process must not write over what it has.
        free = (path for number in count() if not (path := folder / f"{name}.{number}").exists())
        self._file = next(free).open("xb")
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")

    def handle(self, event: Event) -> None:
        """Writes an epoch's numbers; on a resume, says from which epoch on earlier ones are void."""
        match event:
            case RunStarted():
                self._write(step=event.epoch + 1, session_log=SessionLog(status=SessionLog.START))
            case EpochDone():
                numbers = {**event.metrics, "rate": event.rate, "seconds": event.seconds}
                scalars = [_scalar(name, value) for name, value in numbers.items() if isfinite(value)]
                self._write(step=event.epoch, summary=Summary(value=scalars))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, **record: Any) -> None:
        self._records.write(Record(wall_time=time.time(), **record).SerializeToString())
        self._file.flush()


def _scalar(name: str, value: float) -> Summary.Value:
    """ "val_miou" is shown as "miou/val", beside "miou/train"."""
    part, _, quantity = name.partition("_")
    return Summary.Value(tag=f"{quantity}/{part}" if part in ("train", "val") else name, simple_value=value)
