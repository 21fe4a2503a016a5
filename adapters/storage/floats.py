"""Floats of any width as float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

BFLOAT16 = "bfloat16"
BYTES: Mapping[str, str] = {"float64": "<f8", "float32": "<f4", "float16": "<f2", BFLOAT16: "<u2"}
"""NumPy's type for the bytes of each kind. It knows no bfloat16, which is the upper half of a float32."""


def float32(raw: NDArray[Any], kind: str) -> NDArray[np.float32]:
    """A contiguous copy of values of a kind, as float32. What is too large for it becomes infinite."""
    values = (raw.astype("<u4") << 16).view("<f4") if kind == BFLOAT16 else raw
    with np.errstate(over="ignore"):
        return np.array(values, np.float32, order="C")
