"""Runs several `segport` commands at once, in forks of this process that wait for one another at the start.

Arguments are the modules to import. A line of JSON on stdin is a race: the folder to work in, and the arguments of each
command. It is answered with the exit code and the words of each, when all have ended.
"""

import json
import os
import sys
import tempfile
from importlib import import_module

from segport.cli.main import main


def child(arguments, folder, said, start):
    code = 1
    try:
        os.chdir(folder)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.read(start, 1)
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def race(folder, commands):
    start, go = os.pipe()
    running = []
    for arguments in commands:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - read when the child has ended
        process = os.fork()
        if not process:
            os.close(go)
            child(arguments, folder, said.fileno(), start)
        running.append((process, said))
    os.close(go)  # whoever reads from the other end wakes up
    os.close(start)
    results = []
    for process, said in running:
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        said.seek(0)
        results.append((code, said.read().decode(errors="replace")))
        said.close()
    return results


for module in sys.argv[1:]:
    import_module(module)
for line in sys.stdin:
    print(json.dumps(race(*json.loads(line))), flush=True)
