"""Whichever change to a file fails, or is the last before a crash: it is said, nothing half-made is left, and the same
command goes through when it is repeated, to the same bytes.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from segport.tests.faulty_commands import (
    a_command_survives_errors,
    a_run_survives_crashes,
    a_run_survives_errors,
    few,
    predict,
    prepare,
)

__all__ = ["predict", "prepare"]


def test_a_run_whose_disk_fails(tmp_path: Path) -> None:
    assert a_run_survives_errors(tmp_path, errno.ENOSPC, few(20)) == 20


def test_a_run_that_crashes(tmp_path: Path) -> None:
    assert a_run_survives_crashes(tmp_path, few(30)) == 30


@pytest.mark.parametrize(("name", "number"), [("prepare", errno.EIO), ("predict", errno.EACCES)])
def test_a_command_whose_disk_fails(name: str, number: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert a_command_survives_errors(request.getfixturevalue(name), tmp_path / "out", number, few(5)) == 5
