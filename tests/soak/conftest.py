"""What the long tests share: commands that can be killed by the dozen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ALWAYS = ("cv2", "matplotlib.figure", "matplotlib.backends.backend_agg")
IMPORTED = {"torch": ("torch", "torch._dynamo", "torch._refs"), "tensorflow": ("tensorflow", "keras"), "none": ()}
"""What takes longer to import than the rest of a small command takes, by backend."""


class Forks:
    """Commands one after another, each in a fork of a process that has imported a framework (see forks.py)."""

    def __init__(self, backend: str, server: subprocess.Popen[str], said: Path) -> None:
        self.backend = backend
        self._server = server
        self.said = said

    def start(self, *arguments: object, at: int = -1) -> int:
        """Begins `segport` with these arguments; its process id. What it prints is added to the file ``said``.

        ``at`` is the number of the change to a file at which it kills itself.
        """
        return self._asked(json.dumps([[str(a) for a in arguments], str(self.said), at]))

    def wait(self) -> int:
        """The exit code, once the command has ended; minus the number of the signal that killed it."""
        return self._asked("")

    def run(self, *arguments: object, at: int = -1) -> int:
        """The exit code of `segport` with these arguments."""
        self.start(*arguments, at=at)
        return self.wait()

    def killed(self, *arguments: object, after: float, by: int) -> int:
        """The exit code of a command that got a signal so many seconds after its start."""
        process = self.start(*arguments)
        time.sleep(after)
        os.kill(process, by)
        return self.wait()

    def _asked(self, line: str) -> int:
        assert self._server.stdin
        assert self._server.stdout
        print(line, file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())


@pytest.fixture(scope="module", params=["torch", "tensorflow"])
def forks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands that can be killed, of each backend in turn."""
    command = [sys.executable, str(Path(__file__).with_name("forks.py")), *ALWAYS, *IMPORTED[request.param]]
    said = tmp_path_factory.mktemp("said") / "all.txt"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield Forks(request.param, server, said)
        assert server.stdin
        server.stdin.close()
