"""Every bit of a checkpoint turned, and every truncation of it: each is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from segport.adapters.storage.checkpoint import load_checkpoint, save_checkpoint
from segport.domain.errors import DamagedCheckpointError

FIRST_VERSION = Path(__file__).parents[1] / "unit" / "checkpoint-v1.safetensors"


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The smallest checkpoint with everything in it that there can be."""
    path = tmp_path / "whole"
    save_checkpoint(path, load_checkpoint(FIRST_VERSION))
    return path.read_bytes()


def turned(data: bytes) -> Iterator[bytes]:
    """Each bit on its own."""
    for place, byte in enumerate(data):
        for bit in range(8):
            yield data[:place] + bytes([byte ^ 1 << bit]) + data[place + 1 :]


def truncated(data: bytes) -> Iterator[bytes]:
    for length in range(len(data)):
        yield data[:length]


@pytest.mark.parametrize("damage", [turned, truncated])
def test_damage_is_refused(damage, whole: bytes, tmp_path: Path) -> None:
    path, tried = tmp_path / "damaged", 0
    for data in damage(whole):
        path.write_bytes(data)
        with pytest.raises(DamagedCheckpointError, match=re.escape(str(path))):
            load_checkpoint(path)
        tried += 1
    print(f"{damage.__name__}: {tried} files of {len(whole)} bytes refused")
