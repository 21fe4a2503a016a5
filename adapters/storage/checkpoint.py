"""Checkpoints: one safetensors file with weights, training state and all that is needed to use them. Never pickle.

Tensors are the weights by canonical name and, where training can go on, "state/<slot>/<weight>" for the optimizer's.
Of the session's own weights, and of their averages where ``averaged`` says that there are any, only those are written
that differ from the weights: as "state/weights/<weight>" and "state/averages/<weight>".
The header holds one JSON text under ``segport``: format version, spec, progress, and a checksum of the whole file. It
is one text, since safetensors writes several in random order: two equal checkpoints are equal files.
In version 1 the checksum was of the tensors alone; such files are read as well.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ...domain.architecture.weights import Weights, mismatch
from ...domain.errors import CheckpointError, DamagedCheckpointError
from ...domain.ports.backend import TrainState
from ...domain.ports.checkpoints import Checkpoint
from .. import files
from .kinds import kind_of
from .seal import BLANK, is_sealed, seal
from .spec import spec_from_data, spec_to_data

VERSION = 2
_TENSORS_ONLY = 1
KEY = "segport"
_STATE = "state/"
_OWN = "state/weights/"
_AVERAGES = "state/averages/"
_LARGEST_HEADER = 100_000_000  # what safetensors itself accepts

Tensors = dict[str, NDArray[np.float32]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes atomically. Raises CheckpointError when the disk refuses; what stood at ``path`` is then still there."""
    tensors = _tensors(checkpoint)
    state = checkpoint.state
    header = {
        "version": VERSION,
        "spec": spec_to_data(checkpoint.spec),
        "progress": checkpoint.progress,
        "step": None if state is None else state.step,
        **({"frozen": state.frozen} if state is not None and state.frozen else {}),
        **({"averaged": True} if state is not None and state.averages else {}),
        "sha256": BLANK,
    }
    try:
        with files.atomic_path(path) as temporary:
            save_file(tensors, temporary, {KEY: json.dumps(header, sort_keys=True)})
            seal(temporary)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be written: {error}.", fix=_WRITE_FIX) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads and checks. Raises CheckpointError saying what is wrong with the file: missing, truncated, altered ...

    One that a training replaces meanwhile is read as it was before, or as it is then.
    """
    return files.read_whole(path, _load)


def _load(path: Path) -> Checkpoint:
    header = _description(path)
    tensors = _checked(path, header)
    try:
        spec = spec_from_data(header["spec"])
        progress, frozen = header["progress"], int(header.get("frozen", 0))
        step = None if header["step"] is None else int(header["step"])
        averaged = bool(header.get("averaged", False))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{path}: its description cannot be understood: {error}.", fix=READ_FIX) from None
    weights = {name: array for name, array in tensors.items() if not name.startswith(_STATE)}
    if problems := mismatch(spec.graph, weights):
        raise CheckpointError(f"{path}: its weights do not fit its own graph.", problems=problems, fix=READ_FIX)
    state = None if step is None else _state(tensors, weights, step, frozen, averaged)
    return Checkpoint(spec, weights, state, progress)


_WRITE_FIX = "Free some space or choose another place with --run; the checkpoint before is unharmed."
READ_FIX = "Use another checkpoint of the run, or copy the file again from where it is whole."


def _tensors(checkpoint: Checkpoint) -> Tensors:
    tensors = dict(checkpoint.weights)
    if state := checkpoint.state:
        # The session's weights are the checkpoint's own, or where it averages, its averages are: written once.
        tensors |= _differing(_OWN, state.weights, checkpoint.weights)
        tensors |= _differing(_AVERAGES, state.averages, checkpoint.weights)
        tensors |= {_STATE + name: array for name, array in state.slots.items()}
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _differing(prefix: str, some: Weights, others: Weights) -> Tensors:
    return {prefix + name: array for name, array in some.items() if not _same(array, others.get(name))}


def _same(one: NDArray[np.float32], other: NDArray[np.float32] | None) -> bool:
    return other is not None and one.shape == other.shape and one.tobytes() == other.tobytes()


def _state(tensors: Tensors, weights: Weights, step: int, frozen: int, averaged: bool) -> TrainState:
    slots = _under(_STATE, {name: a for name, a in tensors.items() if not name.startswith((_OWN, _AVERAGES))})
    averages = {**weights, **_under(_AVERAGES, tensors)} if averaged else {}
    return TrainState({**weights, **_under(_OWN, tensors)}, slots, step, frozen, averages)


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def _checked(path: Path, header: Mapping[str, Any]) -> Tensors:
    """The tensors of a file that is as it was written. Raises CheckpointError for any other."""
    checksum = header.get("sha256")
    altered = DamagedCheckpointError(f"{path} is damaged: it does not have the checksum it names.", fix=READ_FIX)
    version = header["version"]
    try:
        if version != _TENSORS_ONLY and not is_sealed(path, checksum):
            raise altered
        if version not in (_TENSORS_ONLY, VERSION):
            raise CheckpointError(
                f"{path} has format version {version}; this segport reads {_TENSORS_ONLY} and {VERSION}.",
                fix="Use the segport that wrote it, or a newer one.",
            )
        tensors: Tensors = load_file(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (SafetensorError, ValueError) as error:
        raise DamagedCheckpointError(f"{path} is damaged: {error}.", fix=READ_FIX) from None
    if version == _TENSORS_ONLY and _checksum(tensors) != checksum:
        raise altered
    return tensors


def _checksum(tensors: Mapping[str, NDArray[Any]]) -> str:
    """That of version 1."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def metadata(path: Path) -> dict[str, str]:
    """Texts in a safetensors file's header: 8 bytes of length, then JSON (https://huggingface.co/docs/safetensors).

    Raises CheckpointError for a file that is missing, something else, or truncated within its header.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
            length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else _LARGEST_HEADER + 1
            file.seek(8)
            text = file.read(length) if length <= _LARGEST_HEADER else b""
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not text.startswith(b"{"):
        raise DamagedCheckpointError(
            f"{path} is not a checkpoint: it is {kind_of(start)}.",
            fix="Checkpoints end in .safetensors; safetensors.torch.save_file writes what torch.load reads.",
        )
    if len(text) < length:
        raise DamagedCheckpointError(f"{path} is truncated: it ends within its header.", fix=READ_FIX)
    try:
        return dict(json.loads(text).get("__metadata__", {}))
    except (TypeError, ValueError, RecursionError) as error:
        raise DamagedCheckpointError(f"{path} is damaged: its header cannot be read: {error}.", fix=READ_FIX) from None


def _description(path: Path) -> dict[str, Any]:
    """Our JSON out of the file's header."""
    try:
        header = json.loads(metadata(path)[KEY])
        return {**header, "version": header["version"]}
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DamagedCheckpointError(
            f"{path} is a safetensors file, but no checkpoint of segport: it says nothing of its model.",
            fix="Weights alone cannot be used; give a checkpoint from a run's folder.",
        ) from None
