"""Weights to begin with: a checkpoint's, or those of a safetensors or torch file under whatever names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, deserialize

from ...domain.architecture.weights import Weights
from ...domain.errors import CheckpointError
from ...domain.ports.checkpoints import Pretrained
from .checkpoint import KEY, READ_FIX, load_checkpoint, metadata
from .floats import BYTES, float32
from .pickle_values import NotTensorsError
from .torch_file import is_torch_file, read_torch_file

_KINDS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_STATE_DICT_FIX = "Give a whole copy of a state_dict, torch.save(model.state_dict(), path), or a .safetensors file."


def load_pretrained(path: Path) -> Pretrained:
    """Every float tensor as float32; others, such as counters of batches, are no weights and are left out.

    Raises CheckpointError for a file that is missing, damaged or of another kind, and for values not finite.
    """
    if _torch(path):
        weights = _of_torch_file(path)
    elif KEY in metadata(path):
        checkpoint = load_checkpoint(path)
        return Pretrained(checkpoint.weights, checkpoint.spec)
    else:
        weights = _of_safetensors(path)
    spoilt = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if spoilt:
        raise CheckpointError(f"{path} holds values that are not finite.", problems=spoilt, fix=READ_FIX)
    return Pretrained(weights)


def _torch(path: Path) -> bool:
    try:
        return is_torch_file(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None


def _of_torch_file(path: Path) -> Weights:
    try:
        return read_torch_file(path)
    except NotTensorsError as error:
        raise CheckpointError(f"{path} cannot be used: {str(error).rstrip('.')}.", fix=_STATE_DICT_FIX) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None


def _of_safetensors(path: Path) -> Weights:
    try:
        tensors = dict(deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.", fix=READ_FIX) from None
    weights = {}
    for name in sorted(tensors):
        tensor, kind = tensors[name], _KINDS.get(tensors[name]["dtype"])
        if kind is not None:
            raw = np.frombuffer(tensor["data"], BYTES[kind]).reshape(tensor["shape"])
            weights[name] = float32(raw, kind)
    return weights
