"""Where TensorFlow runs and with what arithmetic: devices, precision, determinism.

Numbers of threads are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import DeviceInfo, Precision
from ..cpu import bf16_instructions, usable_cpus
from .runtime import keras, tf

POLICIES = {Precision.FP32: "float32", Precision.BF16: "mixed_bfloat16", Precision.FP16: "mixed_float16"}
"""Keras's name of each precision: variables are float32 in all of them."""

_NO_MEMORY = ("out of memory", "OUT_OF_MEMORY", "ALLOC_FAILED", "ALLOCATION_FAILED")
"""In TensorFlow's errors of other classes than its own for it: what CUDA and its libraries say is passed on so."""

_SYNONYMS = {"gpu": "gpu:0", "cuda": "gpu:0"}


def devices() -> Sequence[DeviceInfo]:
    """Usable devices, best first: GPUs, the CPU."""
    return [*(_gpu(index, device) for index, device in enumerate(tf.config.list_physical_devices("GPU"))), _cpu()]


def facts() -> Mapping[str, str]:
    """Keras, what TensorFlow was built for, and its threads."""
    threading = tf.config.threading
    within = threading.get_intra_op_parallelism_threads() or usable_cpus()
    across = threading.get_inter_op_parallelism_threads() or "as many as it likes"
    return {
        "Keras": keras.__version__,
        "GPU build": _gpu_build(),
        "threads": f"{within} within an operation, {across} across operations",
    }


def out_of_memory(error: Exception) -> bool:
    """Whether one of TensorFlow's errors says that memory ran out, of the machine or of a GPU."""
    said = isinstance(error, tf.errors.OpError) and any(words in str(error) for words in _NO_MEMORY)
    return said or isinstance(error, tf.errors.ResourceExhaustedError)


def resolve(device: str, precision: Precision) -> tuple[str, Precision]:
    """The device and precision meant by a request ("auto", "cpu", "gpu", "gpu:1"; "cuda" is understood as "gpu").

    Raises InvalidSpecError for a device that is not here, or float16 on a CPU.
    """
    known = {info.name: info for info in devices()}
    asked = _SYNONYMS.get(device, device.replace("cuda:", "gpu:"))
    wanted = next(iter(known)) if device == "auto" else asked
    if wanted not in known:
        raise InvalidSpecError(
            f"TensorFlow has no device {device!r} here.",
            fix=f"Use one of: auto, {', '.join(known)}; see `segport doctor`.",
        )
    chosen = known[wanted].precision if precision is Precision.AUTO else precision
    if chosen is Precision.FP16 and wanted == "cpu":
        raise InvalidSpecError(
            "precision = 'fp16' needs a GPU: its loss scaling is slower than fp32 on a CPU.",
            fix="Use precision = 'auto', 'bf16' or 'fp32'.",
        )
    return wanted, chosen


def require_determinism(device: str) -> None:
    """Asks TensorFlow for deterministic kernels on a GPU, for the whole process: it knows no narrower setting.

    On a CPU nothing needs asking: there, every kernel of a session gives the same bytes for the same input.
    """
    if device != "cpu":
        tf.config.experimental.enable_op_determinism()


def _gpu_build() -> str:
    if not tf.test.is_built_with_gpu_support():
        return "none: this build of TensorFlow is for CPUs"
    build = tf.sysconfig.get_build_info()
    built = f"CUDA {build['cuda_version']}" if "cuda_version" in build else "ROCm"
    if tf.config.list_physical_devices("GPU"):
        return built
    return f"{built}, but no GPU is found: `nvidia-smi` should list one; pip install 'tensorflow[and-cuda]' brings CUDA"


def _gpu(index: int, device: tf.config.PhysicalDevice) -> DeviceInfo:
    details = tf.config.experimental.get_device_details(device)
    summary = details.get("device_name", "GPU")
    if details.get("compute_capability", (0, 0)) >= (8, 0):
        return DeviceInfo(f"gpu:{index}", summary, Precision.BF16, "the GPU computes bf16 natively")
    return DeviceInfo(f"gpu:{index}", summary, Precision.FP32, "the GPU has no native bf16; fp16 can be asked for")


def _cpu() -> DeviceInfo:
    threads = tf.config.threading.get_intra_op_parallelism_threads() or usable_cpus()
    summary = f"CPU, {threads} threads"
    fast = bf16_instructions()
    if fast:
        return DeviceInfo("cpu", summary, Precision.BF16, f"the CPU has {fast}")
    return DeviceInfo("cpu", summary, Precision.FP32, "the CPU has neither AMX nor AVX512-BF16")
