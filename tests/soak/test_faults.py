"""Every change to a file that a command makes fails, with each of three errors, or is the last before a crash.

evaluate draws a page each time: there every change fails with one of the three.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from segport.tests.faulty_commands import (
    a_command_survives_errors,
    a_run_survives_crashes,
    a_run_survives_errors,
    evaluate,
    predict,
    prepare,
)

__all__ = ["evaluate", "predict", "prepare"]
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
def test_a_run_whose_disk_fails(number: int, tmp_path: Path) -> None:
    print(f"run, {errno.errorcode[number]}: {a_run_survives_errors(tmp_path, number, range)} faults")


def test_a_run_that_crashes(tmp_path: Path) -> None:
    print(f"run: {a_run_survives_crashes(tmp_path, range)} crashes")


@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", ["prepare", "predict", "evaluate"])
def test_a_command_whose_disk_fails(name: str, number: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    step = len(ERRORS) if name == "evaluate" else 1
    command, first = request.getfixturevalue(name), ERRORS.index(number) % step
    tried = a_command_survives_errors(command, tmp_path / "out", number, lambda count: range(first, count, step))
    print(f"{name}, {errno.errorcode[number]}: {tried} faults")
