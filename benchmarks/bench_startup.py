"""How long a command takes that does nothing: the median wall milliseconds of fresh processes. Goal: at most 300.

    python benchmarks/bench_startup.py [--runs 10]

A bare interpreter and `import numpy` are timed in the same rounds, to tell the machine's part from ours; so are the
installed frameworks alone, and each as our backend, ready to build a model.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

SEGPORT = "import sys; from segport.cli.main import main; sys.exit(main())"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import segport": ["-c", "import segport"],
    "segport --help": ["-c", SEGPORT, "--help"],
    "segport train --help": ["-c", SEGPORT, "train", "--help"],
    "segport plugins list": ["-c", SEGPORT, "plugins", "list"],
}
BACKEND = "from segport import Toolkit; Toolkit().registry.backend({!r}).devices()"
for framework in ("torch", "tensorflow"):
    if find_spec(framework):
        COMMANDS[f"import {framework}"] = ["-c", f"import {framework}"]
        COMMANDS[f"{framework} backend"] = ["-c", BACKEND.format(framework)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, median of {runs} runs")
    for name, seconds in times.items():
        print(f"{name:22}{statistics.median(seconds) * 1e3:7.0f} ms   (fastest {min(seconds) * 1e3:.0f})")


if __name__ == "__main__":
    main()
