"""Runs `segport` commands, each in a fork of this process, which has imported the framework once: a kill costs little.

Arguments are the modules to import. On stdin it reads in turn: a line of JSON, the arguments of `segport`, the file for
what they print, and the number of the change to a file at which the child is to kill itself, -1 for none, which it
answers with the child's process id; and an empty line, which it answers with the child's exit code when the child has
ended. Until then nobody else gets that id.
"""

import json
import os
import signal
import sys
from importlib import import_module

from segport.cli.main import main
from segport.tests.faulty_files import FaultyFiles


def killed(path: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def child(arguments: list[str], said: str, at: int) -> None:
    code = 130
    try:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        if at < 0:
            code = main(arguments)
        else:
            with FaultyFiles(at, killed, removals=True):
                code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except KeyboardInterrupt:  # a signal that came before main was ready for it
        pass
    finally:
        os._exit(code)


for module in sys.argv[1:]:
    import_module(module)
for line in sys.stdin:
    process = os.fork()
    if not process:
        child(*json.loads(line))
    print(process, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
