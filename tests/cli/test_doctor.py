"""`segport doctor` in processes of its own, as a user would run it: all well, nothing installed, frameworks damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segport.domain.ports.backend import Precision

SEGPORT = Path(sys.executable).with_name("segport")
WITHOUT = """
import sys
for name in ("torch", "tensorflow", "keras"):
    sys.modules[name] = None  # as if not installed
from segport.cli.main import main
sys.exit(main(["doctor", *sys.argv[1:]]))
"""
DAMAGED = {
    "torch.py": "raise ImportError('libcudart.so.99: cannot open shared object file')",
    "tensorflow.py": "import traceback\ntry:\n    raise OSError('undefined symbol: _Z1')\nexcept OSError:\n"
    "    raise ImportError(traceback.format_exc() + '\\nFailed to load the native runtime.')",
}


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def backends(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.stdout.count("\n") == 1
    return {backend["name"]: backend for backend in json.loads(done.stdout)["backends"]}


@pytest.fixture(scope="module")
def found() -> subprocess.CompletedProcess[str]:
    return run(SEGPORT, "doctor", "--json", OMP_NUM_THREADS="1")


def test_installed_frameworks_are_usable_with_devices_precision_and_versions(found) -> None:
    assert found.returncode == 0, found.stderr
    whole = json.loads(found.stdout)
    assert whole["variables"]["OMP_NUM_THREADS"] == "1" and whole["packages"]["segport"]
    assert whole["faults"] == {} and sys.executable in whole["system"]["python"]
    for name in ("torch", "tensorflow"):
        backend = backends(found)[name]
        assert backend["state"] == "usable" and "training" in backend["capabilities"]
        assert backend["packages"] and backend["facts"]["threads"] and backend["facts"]["GPU build"]
        *_, cpu = backend["devices"]
        assert cpu["name"] == "cpu" and cpu["reason"] and Precision(cpu["precision"]) is not Precision.AUTO


def test_people_see_the_same_and_frameworks_keep_quiet(found) -> None:
    done = run(SEGPORT, "doctor", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    for name, backend in backends(found).items():
        assert f"\n{name}: {backend['state']}\n" in done.stdout
    assert "precision auto is " in done.stdout
    assert not [line for line in done.stdout.splitlines() if len(line.split()) > 1 and line.startswith("20")]


def test_without_a_framework_it_ends_with_what_to_install() -> None:
    done = run(sys.executable, "-c", WITHOUT, "--json")
    assert done.returncode == 4
    assert [backends(done)[name]["state"] for name in ("torch", "tensorflow")] == ["not installed"] * 2
    assert "error: No backend can train here" in done.stderr
    assert "pip install 'segport[torch]'" in done.stderr and "pip install 'segport[tf" in done.stderr


def test_a_damaged_framework_is_reported_with_its_error_and_no_traceback(tmp_path: Path) -> None:
    for name, text in DAMAGED.items():
        (tmp_path / name).write_text(text)
    done = run(SEGPORT, "doctor", PYTHONPATH=str(tmp_path))
    assert done.returncode == 4
    assert "Traceback" not in done.stdout + done.stderr
    assert "ImportError: libcudart.so.99: cannot open shared object file" in done.stdout
    assert "OSError: undefined symbol: _Z1" in done.stdout
    assert "pip install --force-reinstall torch" in done.stderr
    assert f"PYTHONPATH={tmp_path}" in done.stdout
