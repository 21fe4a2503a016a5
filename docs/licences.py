"""Prints docs/licences.md: the licence of every package in constraints.txt, as the installed packages tell it.

    .venv/bin/python docs/licences.py > docs/licences.md

Ends with 1, naming them, where one is not installed, says nothing that is understood, or is under a licence that is
not allowed here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("ISC", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
}
"""By their SPDX names; "BSD" is one of its clauses, the metadata does not say which. No GPL, LGPL or AGPL."""
EXCEPTIONS = {"LLVM-exception"}
"""They permit more, not less."""
WRITTEN = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "BSD 2-Clause License": "BSD-2-Clause",
    "FreeBSD": "BSD-2-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages wrote before there were SPDX names for it."""
HEADER = """\
# Licences of dependencies

Every package that `constraints.txt` pins, which is all that the extras `torch`, `tf-cpu`, `test` and `docs` install,
with the licence that its metadata states. "BSD" means that the metadata does not say which BSD licence. None is under
GPL, LGPL or AGPL; a test checks this against the installed packages. `docs/licences.py` generates this page.

Some wheels bundle third-party libraries under other licences, whose texts are installed with them:

- opencv-python-headless: FFmpeg (LGPL-2.1, linked dynamically; segport reads no video);
- numpy, scipy, opencv-python-headless, scikit-learn and torch: some of GCC's run-time libraries (GPL-3.0 with the GCC
  runtime library exception; libquadmath LGPL-2.1).

`tensorflow` (the extra `tf`) has the licence of `tensorflow_cpu`. torch for NVIDIA GPUs brings NVIDIA's libraries,
which are proprietary.

| package | licence |
| --- | --- |
"""


def licence(metadata: Distribution) -> str:
    """An SPDX expression, or "unknown"."""
    told = metadata.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classifiers = [text.split(" :: ")[-1] for text in told.get_all("Classifier") or [] if text.startswith("License ::")]
    name, *_ = (told.get("License") or "").strip().splitlines() or [""]  # of a whole licence its name
    texts = (name.strip(), *classifiers)
    if copyleft := [text for text in texts if "GPL" in text or "General Public" in text]:
        return copyleft[0]
    for text in texts:
        if (name := WRITTEN.get(text, text)) in ALLOWED:
            return name
    texts = (str(file.locate().read_text("utf-8")) for file in metadata.files or () if file.name.startswith("LICENSE"))
    return (
        "Apache-2.0" if any("Licensed under the Apache License, Version 2.0" in text for text in texts) else "unknown"
    )


def allowed(expression: str) -> bool:
    """Whether one of "A OR B" is allowed, or else every part; of brackets, every part within too."""
    if " OR " in expression and "(" not in expression:
        return any(map(allowed, expression.split(" OR ")))
    parts = (part.strip().partition(" WITH ") for part in re.split(r" AND | OR |[()]", expression) if part.strip())
    return all(name in ALLOWED and (not exception or exception in EXCEPTIONS) for name, _, exception in parts)


def pinned() -> list[str]:
    """Names in constraints.txt."""
    return re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.M)


def found(names: Iterable[str]) -> dict[str, str]:
    """The licence of each package; "not installed" of one that is not."""
    licences = {}
    for name in names:
        try:
            licences[name] = licence(distribution(name))
        except PackageNotFoundError:
            licences[name] = "not installed"
    return licences


def page(licences: dict[str, str]) -> str:
    """The text of docs/licences.md."""
    return HEADER + "".join(f"| {name} | {text} |\n" for name, text in licences.items())


if __name__ == "__main__":
    licences = found(pinned())
    print(page(licences), end="")
    if refused := {name: text for name, text in licences.items() if not allowed(text)}:
        sys.exit("not allowed: " + ", ".join(f"{name} ({text})" for name, text in refused.items()))
