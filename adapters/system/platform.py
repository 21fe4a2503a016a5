"""What a run ran on, learnt without importing any of it."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from ..cpu import usable_cpus

PACKAGES = (
    "segport",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "torch",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
)


def facts(packages: Iterable[str] = PACKAGES) -> Mapping[str, str]:
    """Python, platform, CPUs, and the versions of those ``packages`` that are installed, as text by name."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": str(usable_cpus()),
        **installed(packages),
    }


def installed(packages: Iterable[str]) -> Mapping[str, str]:
    """Versions of the installed ones, from their metadata."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
