"""Small results of many batches, kept until they are asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_FIRST = 1 << 14
"""Numbers in the first block: of matrices of 150 classes even a hundred rows would be 18 MB."""


class Rows:
    """Rows of one shape, dtype and device, in one block that doubles when it is full. Nothing waits for the device.

    A list of little tensors would do, but for the heap of a CPU: glibc's ``posix_memalign`` asks for a bit more than it
    needs and gives back the edges. A little tensor that stays in such an edge keeps what lay beside it from ever being
    used for as much again, and a process grows with every batch (sourceware.org, bug 14581).
    """

    def __init__(self) -> None:
        self._block: Tensor | None = None
        self._used = 0

    def append(self, rows: Tensor) -> None:
        """Copies rows, (N, ...), to the end."""
        end = self._used + len(rows)
        if self._block is None or end > len(self._block):
            self._grow(rows, max(_FIRST // math.prod(rows.shape[1:]), 2 * end))
        assert self._block is not None
        self._block[self._used : end] = rows
        self._used = end

    def take(self) -> NDArray[Any]:
        """All rows, waited for; none are left. Without any, an array of shape (0,)."""
        block, used = self._block, self._used
        self._block, self._used = None, 0
        return np.zeros(0) if block is None else block[:used].cpu().numpy()

    def _grow(self, like: Tensor, size: int) -> None:
        grown = like.new_empty((size, *like.shape[1:]))
        if self._block is not None:
            grown[: self._used] = self._block[: self._used]
        self._block = grown
