"""Result files: .npz matrices, JSON numbers, .npy probabilities."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ...domain.arrays import Counts, Probabilities
from ...domain.errors import DataError
from ...domain.json_values import jsonable
from ..files import atomic_path, write_bytes, write_text

_LARGEST = 1 << 32
"""Bytes of matrices that are unpacked: those of ten thousand images and 200 classes. A bomb claims more."""
_LOADING = Lock()
"""``np.load`` reads a header with ``ast``, which fails now and then in two threads at once before Python 3.11.8 and
3.12.2: https://github.com/python/cpython/issues/106905"""


class ResultFiles:
    """Implements ``Results`` on plain files."""

    def save_confusions(self, path: Path, keys: Sequence[str], counts: Sequence[Counts]) -> None:
        """An .npz with ``keys`` (n,) and ``counts`` (n, K, K) int64."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, keys=np.array(list(keys)), counts=np.array(counts, np.int64))
        write_bytes(path, buffer.getvalue())

    def has(self, path: Path) -> bool:
        """Whether the file is there."""
        return path.exists()

    def load_confusions(self, path: Path) -> tuple[list[str], list[Counts]]:
        """What ``save_confusions`` wrote. Raises DataError for anything else; never unpickles."""
        try:
            with _LOADING, path.open("rb") as file:  # NumPy forgets to close a broken one
                arrays = np.load(file, allow_pickle=False)
                if sum(entry.file_size for entry in arrays.zip.infolist()) > _LARGEST:
                    raise ValueError(f"unpacked, it is larger than {_LARGEST} bytes")
                keys, counts = arrays["keys"], arrays["counts"]
        except Exception as error:  # noqa: BLE001 - broken zip files and headers raise anything at all
            raise DataError(f"{path} does not hold confusion matrices: {error or type(error).__name__}") from None
        if counts.ndim != 3 or counts.shape[1] != counts.shape[2] or keys.shape != counts.shape[:1] or not counts.size:
            raise DataError(f"{path}: keys {keys.shape} and counts of shape {counts.shape} do not belong together.")
        if counts.dtype.kind not in "iu" or counts.min() < 0:
            raise DataError(f"{path}: its counts, {counts.dtype}, are not whole numbers from 0.")
        return [str(key) for key in keys], list(counts.astype(np.int64))

    def save_values(self, path: Path, values: Mapping[str, Any]) -> None:
        """Plain values as JSON; NaN becomes null."""
        write_text(path, json.dumps(jsonable(values), indent=2, allow_nan=False) + "\n")

    def save_table(self, path: Path, rows: Iterable[Mapping[str, object]]) -> None:
        """A CSV file; the first row's keys are the columns."""
        text, remaining = io.StringIO(), iter(rows)
        first = next(remaining)
        writer = csv.DictWriter(text, list(first), lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(remaining)
        write_text(path, text.getvalue())

    def save_probabilities(self, path: Path, bands: Iterable[Probabilities], shape: tuple[int, int, int]) -> None:
        """An .npy of float16 (H, W, K), what ``np.save`` writes of the bands laid together."""
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False, "shape": shape}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for band in bands:
                file.write(band.astype(np.float16).tobytes())
