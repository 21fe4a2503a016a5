"""A checksum of a whole safetensors file that is kept within its header: of all its bytes, its own place left blank."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO

BLANK = "0" * 64
_CHUNK = 1 << 20


def seal(path: Path) -> None:
    """Writes the checksum over the first ``BLANK`` in a file's header, which must have one. Raises OSError."""
    with path.open("rb+") as file:
        place = _header(file).index(BLANK.encode())
        checksum = _checksum(file, BLANK)
        file.seek(place)
        file.write(checksum.encode())


def is_sealed(path: Path, checksum: object) -> bool:
    """Whether a file, with this text of its header left blank, has it for a checksum. Raises OSError."""
    if not isinstance(checksum, str) or len(checksum) != len(BLANK):
        return False
    with path.open("rb") as file:
        return _checksum(file, checksum) == checksum


def _checksum(file: BinaryIO, own: str) -> str:
    digest = hashlib.sha256(_header(file).replace(own.encode(), BLANK.encode(), 1))
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _header(file: BinaryIO) -> bytes:
    """From the file's first byte to its first tensor's: 8 bytes of length, then as many of JSON."""
    file.seek(0)
    start = file.read(8)
    return start + file.read(*struct.unpack("<Q", start))
