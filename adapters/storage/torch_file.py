"""Tensors of a file that torch.save wrote, in its zip format or the older one; torch is not needed, nor trusted.

Formats: torch/serialization.py. A zip holds "<name>/data.pkl" and a file for each storage; the older format is five
pickles in a row (magic number, version, the machine's properties, the object, the storages' keys), then the storages.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .floats import BFLOAT16, BYTES, float32
from .pickle_values import Name, NotTensorsError, read_pickle

ZIP = b"PK\x03\x04"
OLDER = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

_FLOATS = {"Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": BFLOAT16}
_OTHERS = {"Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1}
"""Bytes of a number, needed to step over them."""
_LARGEST = 4
"""Times a file's size that its tensors may have together: some may share a storage, but not without end."""
_NESTED = ("state_dict", "model_state_dict", "model")
"""Where training programs keep the weights in what they save."""
_DAMAGE = (
    *(zipfile.BadZipFile, struct.error, EOFError, LookupError, ValueError, TypeError, AttributeError, RuntimeError),
    *(OverflowError, MemoryError),
)
"""What reading bytes that somebody altered may raise on the way, from zip file's headers to the pickle's values."""
_TENSOR = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")


@frozen
class _Storage:
    key: str
    kind: str
    """One of ``floats.BYTES``; empty for numbers that are no floats."""
    width: int


@frozen
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def is_torch_file(path: Path) -> bool:
    """By its first bytes. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(len(OLDER))
    return start.startswith(ZIP) or start == OLDER


def read_torch_file(path: Path) -> dict[str, NDArray[np.float32]]:
    """Every tensor of floats by name, as float32. Others, such as counters, are left out.

    Raises NotTensorsError for a file that is damaged or holds more than tensors, OSError where it cannot be read.
    """
    data = path.read_bytes()
    try:
        value, storage = _zipped(data) if data.startswith(ZIP) else _older(data)
        tensors = {name: tensor for name, tensor in _state_dict(value).items() if isinstance(tensor, _Tensor)}
        if sum(math.prod(tensor.shape) * tensor.storage.width for tensor in tensors.values()) > _LARGEST * len(data):
            raise NotTensorsError("its tensors are many times larger than itself")
        return {name: _array(tensor, storage) for name, tensor in tensors.items() if tensor.storage.kind}
    except NotTensorsError:
        raise
    except _DAMAGE as error:
        raise NotTensorsError(f"it is damaged: {error}") from None


def _zipped(data: bytes) -> tuple[Any, Callable[[str], bytes]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    infos = {info.filename.partition("/")[2]: info for info in archive.infolist()}
    if "data.pkl" not in infos or "constants.pkl" in infos:
        raise NotTensorsError("it is a zip file, but none that torch.save wrote")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos.values()):
        raise NotTensorsError("it is compressed, which torch.save never does")
    if "byteorder" in infos and archive.read(infos["byteorder"]) != b"little":
        raise NotTensorsError("its numbers are big-endian")
    value = read_pickle(io.BytesIO(archive.read(infos["data.pkl"])), call=_call, persistent=_storage)
    return value, lambda key: archive.read(infos[f"data/{key}"])


def _older(data: bytes) -> tuple[Any, Callable[[str], bytes]]:
    file = io.BytesIO(data)
    _, _, machine = (read_pickle(file, call=_call) for _ in range(3))
    if machine.get("little_endian") is not True:
        raise NotTensorsError("its numbers are big-endian")
    storages: dict[str, _Storage] = {}

    def noted(reference: Any) -> _Storage:
        found = _storage(reference)
        storages[found.key] = found
        return found

    value = read_pickle(file, call=_call, persistent=noted)
    places: dict[str, tuple[int, int]] = {}
    for key in read_pickle(file, call=_call):
        (length,) = struct.unpack("<q", file.read(8))
        size = length * storages[key].width
        if length < 0 or file.tell() + size > len(data):
            raise NotTensorsError("it is truncated")
        places[key] = (file.tell(), size)
        file.seek(size, io.SEEK_CUR)
    return value, lambda key: data[places[key][0] : sum(places[key])]


def _call(function: Name, arguments: Any) -> Any:
    """What torch.load would have called, for the few functions that tensors need."""
    name = function.text
    if name == "collections.OrderedDict" and len(arguments) < 2:
        return dict(*arguments)
    if name == "torch._utils._rebuild_parameter":
        return arguments[0]
    if name in _TENSOR:
        storage, offset, shape, strides = arguments[:4]
        if isinstance(storage, _Storage) and all(type(n) is int and n >= 0 for n in (offset, *shape, *strides)):
            return _Tensor(storage, offset, shape, strides)
    raise NotTensorsError(f"it asks for {name}, which no tensor needs; nothing of it was run")


def _storage(reference: Any) -> _Storage:
    """("storage", type, key, device, length), and in the older format a view, which nobody writes any more."""
    _, name, key, _, _, *view = reference
    if not isinstance(name, Name) or not isinstance(key, str):
        raise NotTensorsError("it refers to storages in a way that is not known")
    kind = name.text.removeprefix("torch.").removesuffix("Storage")
    if (kind not in _FLOATS and kind not in _OTHERS) or view not in ([], [None]):
        raise NotTensorsError(f"it holds numbers of a kind that is not known: {kind}")
    if kind in _OTHERS:
        return _Storage(key, "", _OTHERS[kind])
    return _Storage(key, _FLOATS[kind], np.dtype(BYTES[_FLOATS[kind]]).itemsize)


def _state_dict(value: Any) -> Mapping[str, Any]:
    """The value itself or, where it has no tensors, what programs keep the weights under."""
    if isinstance(value, dict) and not any(isinstance(item, _Tensor) for item in value.values()):
        value = next((value[key] for key in _NESTED if isinstance(value.get(key), dict)), value)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise NotTensorsError("it holds no tensors by name, as a state_dict does")
    return value


def _array(tensor: _Tensor, storage: Callable[[str], bytes]) -> NDArray[np.float32]:
    shape, strides, kind = tensor.shape, tensor.strides, tensor.storage.kind
    data = storage(tensor.storage.key)
    flat = np.frombuffer(data, BYTES[kind], len(data) // tensor.storage.width)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if math.prod(shape) and last >= len(flat):
        raise NotTensorsError(f"it is damaged: a tensor of {shape} reaches beyond its storage of {len(flat)} numbers")
    placed = as_strided(flat[tensor.offset :], shape, [step * flat.itemsize for step in strides], writeable=False)
    return float32(placed, kind)
