"""Lets triton and TensorFlow live in one process, whichever is imported first.

Both bring an LLVM. TensorFlow 2.20 and later shows its own to every library that is loaded afterwards, and triton 3.7,
which torch imports with its first optimizer, takes it for its own and ends the process with a segmentation fault:
https://github.com/tensorflow/tensorflow/issues/124205. Builds of torch for GPUs bring triton, as PyPI's for Linux do.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec


def load_triton() -> None:
    """Imports triton where it is installed and not imported yet. Call it before TensorFlow is imported, if possible.

    Where that has happened already, triton is told to prefer its own symbols. That is left alone otherwise: it also
    passes over an allocator that somebody has preloaded.
    """
    if sys.platform != "linux" or "triton" in sys.modules or find_spec("triton") is None:
        return
    flags = sys.getdlopenflags()
    if "tensorflow" in sys.modules:
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        with suppress(ImportError):  # torch goes without one that is broken, too
            import_module("triton")
    finally:
        sys.setdlopenflags(flags)
