"""Every byte of a checkpoint altered, in its lowest bit and in all, and every truncation of it: each is refused."""

from __future__ import annotations

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
    """Each byte on its own."""
    for place, byte in enumerate(data):
        for bits in (1, 255):
            yield data[:place] + bytes([byte ^ bits]) + data[place + 1 :]


def truncated(data: bytes) -> Iterator[bytes]:
    for length in range(len(data)):
        yield data[:length]


def refused(path: Path) -> bool:
    try:
        load_checkpoint(path)
    except DamagedCheckpointError as error:
        return str(path) in str(error)
    return False


@pytest.mark.parametrize("damage", [turned, truncated])
def test_damage_is_refused(damage, whole: bytes, tmp_path: Path) -> None:
    path, tried = tmp_path / "damaged", 0
    for data in damage(whole):
        path.write_bytes(data)
        assert refused(path), tried
        tried += 1
    print(f"{damage.__name__}: {tried} files of {len(whole)} bytes refused")
