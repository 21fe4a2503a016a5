"""Where torch runs and with what arithmetic: devices, precision, the allocator, determinism.

Importing this module imports torch. Two settings are process-wide and made once: ``GOMP_SPINCOUNT`` (by the package
itself) and glibc's ``mallopt`` (``tune_allocator``). Numbers of threads are left as they are.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import torch

from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import DeviceInfo, Precision
from ..cpu import bf16_instructions

DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
"""What the forward pass is autocast to."""

_NO_MEMORY = ("out of memory", "allocate memory", "not enough memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
"""In torch's RuntimeErrors for it: only its GPU allocator has a class for them. The last two are CUDA's libraries'."""
_FILL = "fill_uninitialized_memory"  # a flag that torch makes at run time, unknown to its type hints
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def devices() -> Sequence[DeviceInfo]:
    """Usable devices, best first: CUDA (or ROCm) GPUs, Apple's GPU, the CPU."""
    found = [_cuda(index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU", Precision.FP32, "half precision is not faster on every Apple GPU"))
    return [*found, _cpu()]


def facts() -> Mapping[str, str]:
    """What torch was built for, and its threads."""
    within, across = torch.get_num_threads(), torch.get_num_interop_threads()
    return {"GPU build": _gpu_build(), "threads": f"{within} within an operation, {across} across operations"}


def out_of_memory(error: Exception) -> bool:
    """Whether one of torch's errors says that memory ran out, of the machine or of a GPU."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def resolve(device: str, precision: Precision) -> tuple[torch.device, Precision]:
    """The device and precision meant by a request ("auto", "cpu", "cuda", "cuda:1", "mps").

    Raises InvalidSpecError for a device that is not here, or float16 on a CPU.
    """
    known = {info.name: info for info in devices()}
    wanted = next(iter(known)) if device == "auto" else "cuda:0" if device in ("cuda", "gpu") else device
    if wanted not in known:
        raise InvalidSpecError(
            f"torch has no device {device!r} here.", fix=f"Use one of: auto, {', '.join(known)}; see `segport doctor`."
        )
    chosen = known[wanted].precision if precision is Precision.AUTO else precision
    if chosen is Precision.FP16 and wanted == "cpu":
        raise InvalidSpecError(
            "precision = 'fp16' needs a GPU: its loss scaling is slower than fp32 on a CPU.",
            fix="Use precision = 'auto', 'bf16' or 'fp32'.",
        )
    return torch.device(wanted), chosen


@cache
def tune_allocator() -> bool:
    """Keeps freed memory in the process on Linux with glibc; True where that was done.

    Activations are far larger than malloc's mmap threshold, so by default every step returns them to the system and
    faults each page in again. Halves the time of an fp32 step on a CPU for some 40 % more peak memory. It holds for the
    whole process and cannot be undone in it.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 256 * 2**20))
    done = [libc.mallopt(parameter, value) for parameter, value in settings]
    return all(done)


@contextmanager
def deterministic_kernels(wanted: bool) -> Iterator[None]:
    """Asks torch for deterministic kernels inside the block, and restores its process-wide flags after it.

    Operations without such a kernel go on with a warning from torch. The flags hold for all threads while inside.
    """
    if not wanted:
        yield
        return
    _flags.raised()
    try:
        yield
    finally:
        _flags.dropped()


class _Flags:
    """The flags as they were, while at least one thread is inside: the last one out puts them back."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: tuple[bool, bool, bool] = (False, False, False)

    def raised(self) -> None:
        with self._lock:
            if not self._inside:
                enabled = torch.are_deterministic_algorithms_enabled()
                warn = torch.is_deterministic_algorithms_warn_only_enabled()
                self._before = enabled, warn, getattr(torch.utils.deterministic, _FILL)
                torch.use_deterministic_algorithms(True, warn_only=True)
                # Filling every fresh buffer guards against reading it before writing it: it costs time, and is no
                # concern here.
                setattr(torch.utils.deterministic, _FILL, False)
            self._inside += 1

    def dropped(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                enabled, warn, fill = self._before
                torch.use_deterministic_algorithms(enabled, warn_only=warn)
                setattr(torch.utils.deterministic, _FILL, fill)


_flags = _Flags()


def _gpu_build() -> str:
    built = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
    if torch.cuda.is_available():
        return built
    if torch.version.hip or torch.version.cuda:
        return f"{built}, but no driver or no GPU is found: `nvidia-smi` or `rocminfo` should list one"
    return "Apple's Metal" if torch.backends.mps.is_built() else "none: this build of torch is for CPUs"


def _cuda(index: int) -> DeviceInfo:
    properties = torch.cuda.get_device_properties(index)
    summary = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if properties.major >= 8:
        return DeviceInfo(f"cuda:{index}", summary, Precision.BF16, "the GPU computes bf16 natively")
    return DeviceInfo(f"cuda:{index}", summary, Precision.FP32, "the GPU has no native bf16; fp16 can be asked for")


def _cpu() -> DeviceInfo:
    summary = f"CPU, {torch.get_num_threads()} threads"
    fast = bf16_instructions()
    if fast:
        return DeviceInfo("cpu", summary, Precision.BF16, f"the CPU has {fast}")
    return DeviceInfo("cpu", summary, Precision.FP32, "the CPU has neither AMX nor AVX512-BF16")
