"""Decoded samples kept in one temporary, memory-mapped file: the operating system decides what stays in memory."""

from __future__ import annotations

import math
import mmap
import shutil
import tempfile
import weakref
from threading import Lock

import numpy as np
from attrs import frozen

from ...domain.ports.dataset import SampleSource
from ...domain.samples import Sample

_SEGMENT = 1 << 28
"""Bytes mapped at a time. A multiple of every system's page size, as offsets of maps must be."""


@frozen
class _Place:
    """Where one sample lies: its segment, the offset there, and the shapes of its image and labels."""

    key: str
    segment: int
    offset: int
    image: tuple[int, ...]
    labels: tuple[int, ...]


class CachedSource:
    """A source that decodes each sample once. Thread-safe.

    Samples are appended to an anonymous temporary file as they are first asked for, and read from a memory map of it
    from then on; the arrays are read-only. At most half of the free space of the temporary folder is taken, and nothing
    more once writing fails: what does not fit is decoded again each time. The file is gone when the source is.
    """

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as the source
        weakref.finalize(self, self._file.close)
        self._room = shutil.disk_usage(tempfile.gettempdir()).free // 2
        self._maps: list[mmap.mmap] = []
        self._places: dict[int, _Place] = {}
        self._end = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int, /) -> Sample:
        place = self._places.get(index)
        if place is not None:
            return self._read(place)
        sample = self._source[index]
        with self._lock:
            if index not in self._places:
                self._keep(index, sample)
        return sample

    @property
    def kept(self) -> int:
        """Number of samples in the file so far."""
        return len(self._places)

    def _read(self, place: _Place) -> Sample:
        pixels, labelled = math.prod(place.image), math.prod(place.labels)
        flat = np.frombuffer(self._maps[place.segment], np.uint8, pixels + labelled, place.offset)
        image, labels = np.split(flat, [pixels])
        return Sample(place.key, image.reshape(place.image), labels.reshape(place.labels))

    def _keep(self, index: int, sample: Sample) -> None:
        data = sample.image.tobytes() + sample.labels.tobytes()
        start = self._end if self._end % _SEGMENT + len(data) <= _SEGMENT else -(-self._end // _SEGMENT) * _SEGMENT
        if len(data) > _SEGMENT or start + len(data) > self._room:
            return
        segment, offset = divmod(start, _SEGMENT)
        try:
            if segment == len(self._maps):
                self._file.truncate((segment + 1) * _SEGMENT)  # sparse: takes no space until written to
                self._maps.append(mmap.mmap(self._file.fileno(), _SEGMENT, offset=start, access=mmap.ACCESS_READ))
            self._file.seek(start)
            complete = self._file.write(data) == len(data)
        except OSError:
            complete = False
        if not complete:
            self._room = 0
            return
        self._end = start + len(data)
        self._places[index] = _Place(sample.key, segment, offset, sample.image.shape, sample.labels.shape)
