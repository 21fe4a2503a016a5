"""Imports torchvision, which smp's encoders ask for, also where its operators cannot be loaded.

The wheels of PyPI are built for a torch with CUDA. Beside a torch for CPUs alone their operators stay unknown, and the
import ends at the first that is looked for by name. smp calls none of them, so it is enough that the names are there.
"""

from __future__ import annotations

import re
from importlib import import_module

from torch.library import Library

UNKNOWN = re.compile(r"operator torchvision::(\w+) does not exist")
NAMES = Library("torchvision", "FRAGMENT")


def make_importable() -> None:
    """Raises whatever else keeps torchvision from being imported."""
    while True:
        try:
            import_module("torchvision")
        except RuntimeError as error:
            unknown = UNKNOWN.search(str(error))
            if unknown is None:
                raise
            NAMES.define(f"{unknown[1]}(Tensor x) -> Tensor")
        else:
            return
