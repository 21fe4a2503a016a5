"""What the CPU can do and how much of it is ours, which a framework's choices depend on. Shared by the backends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_BF16_FLAGS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}
_FLAGS = {"avx": "AVX", "avx2": "AVX2", "avx512f": "AVX512", **_BF16_FLAGS}


@cache
def bf16_instructions(cpuinfo: Path = CPUINFO) -> str:
    """The CPU's fast bf16 instruction set ("AMX", "AVX512-BF16"), or "" where there is none to be seen."""
    return next((name for flag, name in _BF16_FLAGS.items() if flag in _flags(cpuinfo)), "")


def instructions(cpuinfo: Path = CPUINFO) -> tuple[str, ...]:
    """Instruction sets that decide how fast frameworks run, oldest first; none where they cannot be seen."""
    return tuple(name for flag, name in _FLAGS.items() if flag in _flags(cpuinfo))


def model(cpuinfo: Path = CPUINFO) -> str:
    """The CPU's name, or "" where it cannot be seen."""
    return _first(cpuinfo).get("model name", "")


def usable_cpus() -> int:
    """Cores this process may use; fewer than the machine has where an affinity is set."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _flags(cpuinfo: Path) -> frozenset[str]:
    return frozenset(_first(cpuinfo).get("flags", "").split())


def _first(cpuinfo: Path) -> Mapping[str, str]:
    """What Linux says of the first core, as text by name; nothing elsewhere."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
