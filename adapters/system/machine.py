"""The machine, the interpreter and the installed packages, for people who look for what is wrong with them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions

from attrs import field, frozen

from .. import cpu
from .platform import installed

CORE = (
    "segport",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "matplotlib",
    "attrs",
    "cattrs",
    "pluggy",
    "dependency-injector",
    "cyclopts",
    "rich",
    "tomli-w",
)
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "GOMP_SPINCOUNT",
    "HIP_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTORCH_CUDA_ALLOC_CONF",
    "SEGPORT_DISABLE_PLUGINS",
    "TF_CONFIG",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_USE_LEGACY_KERAS",
    "TORCH_COMPILE_DISABLE",
    "XLA_FLAGS",
)
"""By name, as a prefix would catch strangers: TF_ is Terraform's too."""


def _set_variables() -> Mapping[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@frozen
class Machine:
    """Implements ``domain.ports.system.System``.

    Make it before plugins are looked for: some set environment variables, which are not the user's then.
    """

    _variables: Mapping[str, str] = field(factory=_set_variables)

    def facts(self) -> Mapping[str, str]:
        """See the port."""
        found = {
            "python": f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}",
            "platform": f"{platform.platform()}, {platform.machine()}",
            "processor": ", ".join([cpu.model() or platform.processor(), *cpu.instructions()]),
            "cores": f"{cpu.usable_cpus()} usable of {os.cpu_count()}",
            "memory": _memory(),
        }
        return {name: text for name, text in found.items() if text}

    def core(self) -> Mapping[str, str]:
        """See the port."""
        return installed(CORE)

    def packages(self, modules: Iterable[str]) -> Mapping[str, str]:
        """See the port."""
        providers = packages_distributions()
        # metadata may spell a name as the file system needs it; people and indexes write hyphens
        return installed(sorted({name.replace("_", "-") for module in modules for name in providers.get(module, ())}))

    def variables(self) -> Mapping[str, str]:
        """See the port."""
        return self._variables


def _memory() -> str:
    """Installed memory, where the system says."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return ""
