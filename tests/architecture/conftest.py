"""The repository as these tests see it: its root is the package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = ("tests", "benchmarks", "examples", "docs", "build", "setup.py")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """Every file of the product, relative to the root."""
    tops = [p for p in ROOT.iterdir() if p.name not in NOT_SHIPPED and not p.name.startswith(".")]
    files = [p for top in tops for p in ([top] if top.suffix == ".py" else top.rglob("*.py") if top.is_dir() else [])]
    found = sorted(p.relative_to(ROOT) for p in files if "egg-info" not in str(p))
    assert len(found) > 100
    return found


Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Runs a piece of code in a fresh interpreter, away from the repository."""

    def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
