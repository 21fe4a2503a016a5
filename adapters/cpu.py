"""What the CPU can do that a framework's choice of precision depends on. Shared by the backends."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_BF16_FLAGS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}


@cache
def bf16_instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The CPU's fast bf16 instruction set ("AMX", "AVX512-BF16"), or "" where there is none to be seen."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return ""
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return next((name for flag, name in _BF16_FLAGS.items() if flag in flags), "")
