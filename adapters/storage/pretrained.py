"""Weights to begin with: a checkpoint's, or those of a plain safetensors file under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from ...domain.errors import CheckpointError
from ...domain.ports.checkpoints import Pretrained
from .checkpoint import KEY, READ_FIX, load_checkpoint, metadata

_BF16 = "BF16"
_READ_AS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _BF16: "<u2"}
"""NumPy's type for the bytes of each kind of float; it knows no bfloat16, which is the upper half of a float32."""


def load_pretrained(path: Path) -> Pretrained:
    """Every float tensor as float32; others, such as counters of batches, are no weights and are left out.

    Raises CheckpointError for a file that is missing, damaged or no safetensors file, and for values not finite.
    """
    if KEY in metadata(path):
        checkpoint = load_checkpoint(path)
        return Pretrained(checkpoint.weights, checkpoint.spec)
    try:
        tensors: list[tuple[str, Mapping[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.", fix=READ_FIX) from None
    floats = {name: tensor for name, tensor in tensors if tensor["dtype"] in _READ_AS}
    weights = {name: _float32(floats[name]) for name in sorted(floats)}
    spoilt = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if spoilt:
        raise CheckpointError(f"{path} holds values that are not finite.", problems=spoilt, fix=READ_FIX)
    return Pretrained(weights)


def _float32(tensor: Mapping[str, Any]) -> NDArray[np.float32]:
    kind, raw = tensor["dtype"], np.frombuffer(tensor["data"], _READ_AS[tensor["dtype"]])
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        values = (raw.astype("<u4") << 16).view("<f4") if kind == _BF16 else raw
        return values.astype(np.float32).reshape(tensor["shape"])
