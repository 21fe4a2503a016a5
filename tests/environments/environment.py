"""A clean virtual environment with the wheel of this working tree, and the steps that are tried in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".environments"
STRANGERS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "KERAS_BACKEND", "SEGPORT_DISABLE_PLUGINS")
"""Variables that would lead to another Python, or change what it does."""


class Failed(Exception):
    """A step did not do what it should."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one extra of segport, and the folder its data and runs lie in."""

    name: str
    extra: str = ""
    module: str = ""

    @property
    def work(self) -> Path:
        return PLACE / "work" / self.name

    def program(self, name: str) -> Path:
        return PLACE / self.name / ("Scripts" if os.name == "nt" else "bin") / name

    def make(self, wheel: Path) -> None:
        run([sys.executable, "-m", "venv", "--clear", PLACE / self.name])
        wanted = f"{wheel}[{self.extra}]" if self.extra else wheel
        run(
            [
                self.program("python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--constraint",
                ROOT / "constraints.txt",
                wanted,
            ]
        )
        run([self.program("python"), "-m", "pip", "check"])
        self.work.mkdir(parents=True)

    def segport(
        self, *arguments: object, code: int = 0, says: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs the installed command. Fails unless it ends with this exit code, and says these words on stderr."""
        done = run([self.program("segport"), *arguments], cwd=self.work, code=code)
        expect("Traceback" not in done.stderr, f"a traceback from {arguments}: {done.stderr}")
        for words in says:
            expect(words in done.stderr, f"{words!r} is not in what {arguments} said: {done.stderr}")
        return done

    def object(self, *arguments: object) -> dict[str, Any]:
        """What ``--json`` prints."""
        value = json.loads(self.segport(*arguments, "--json").stdout)
        expect(isinstance(value, dict), f"{arguments} printed {value!r}")
        return dict(value)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Failed(otherwise)


def run(command: list[object], *, code: int = 0, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command in an environment that points to no other Python. Fails on another exit code."""
    clean = {name: value for name, value in os.environ.items() if name not in STRANGERS}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, timeout=1800, check=False)
    expect(done.returncode == code, f"{words}: exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


@contextmanager
def step(where: str, what: str) -> Iterator[None]:
    print(f"{where:22} {what} ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"... ok, {time.monotonic() - began:.1f} s", flush=True)


def build_wheel() -> Path:
    """Of a copy of what git knows or could know, so that nothing left over from earlier builds comes in."""
    copy, dist = PLACE / "source", PLACE / "dist"
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    run([sys.executable, "-m", "venv", PLACE / "build"])
    run(
        [
            Environment("build").program("python"),
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            dist,
            copy,
        ]
    )
    (wheel,) = dist.glob("segport-*.whl")
    return wheel


def every_step(steps: Callable[[Path], None]) -> None:
    """Tries all steps with a new wheel, which is the first; one that fails ends the program with what it printed."""
    shutil.rmtree(PLACE, ignore_errors=True)
    try:
        with step("", "build the wheel"):
            wheel = build_wheel()
        steps(wheel)
    except Failed as failure:
        sys.exit(f"... FAILED\n{failure}")
    print("every step passed")
