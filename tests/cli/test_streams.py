"""Who reads what is printed may go away, or never have been there; Ctrl-C may come at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEGPORT = Path(sys.executable).with_name("segport")


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEGPORT": str(SEGPORT), **variables}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


@pytest.mark.parametrize("command", ["plugins list", "plugins list --json --quiet", "--help"])
def test_a_reader_that_goes_away_ends_nothing(command: str) -> None:
    done = shell(f"$SEGPORT {command} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == "0\n"
    assert not [word for word in ("error:", "Traceback", "Exception", "Broken") if word in done.stderr]


def test_a_training_outlives_who_reads_of_it(prepared: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """It used to end at the first line, with exit code 0 and nothing trained."""
    words = " ".join(f"'{word}'" for word in ("train", prepared, "--run", tmp_path / "run", *tiny, "--epochs", 1))
    done = shell(f"$SEGPORT {words} 2>&1 | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == "0\n"
    assert (tmp_path / "run" / "plots" / "training.png").exists()


def test_without_any_stream(tmp_path: Path) -> None:
    """As a service may start it."""
    done = shell(f"$SEGPORT generate shapes {tmp_path}/raw --num-images 1 >&- 2>&-; echo $?")
    assert done.stdout == "0\n"
    assert (tmp_path / "raw" / "class_dict.csv").exists()


def test_a_name_that_the_encoding_lacks_ends_nothing(tmp_path: Path) -> None:
    """As on Windows, where what goes into a file is cp1252."""
    done = shell(f"$SEGPORT generate shapes {tmp_path}/道 --num-images 1 > {tmp_path}/said", PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}/\\u9053" in (tmp_path / "said").read_text("ascii")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("flags", ["", "--json --quiet"])
def test_a_result_that_cannot_be_printed_is_an_error(flags: str) -> None:
    done = shell(f"$SEGPORT plugins list {flags} >/dev/full; echo $?")
    assert done.stdout == "3\n"
    assert "error: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


INTERRUPTED = """
import sys


class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            raise KeyboardInterrupt


wanted = sys.argv.pop(1)
sys.meta_path.insert(0, CtrlC())
from segport.cli.entry import run

sys.exit(run())
"""


@pytest.mark.parametrize("module", ["cyclopts", "segport.cli.commands", "torch", "tensorflow"])
def test_ctrl_c_while_something_is_imported(module: str, prepared: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    backend = "tf" if module == "tensorflow" else "torch"
    command = ["train", prepared, "--run", tmp_path / "run", *tiny, "--backend", backend, "--epochs", 1, "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")
    assert not (tmp_path / "run").exists()
