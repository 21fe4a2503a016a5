"""TensorFlow and Keras, imported quietly. The package's other modules take both from here.

Three environment variables are set where the environment says nothing: ``TF_CPP_MIN_LOG_LEVEL`` (notes of TensorFlow's
C++ part are dropped, warnings stay), ``TF_FORCE_GPU_ALLOW_GROWTH`` (a GPU's memory is taken as it is needed) and
``KERAS_BACKEND``.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ...domain.errors import BackendUnavailableError
from ..triton import load_triton

__all__ = ["keras", "tf"]

_STDERR = 2
_NOTES = re.compile(rb"I\d{4} |\d{4}-\d\d-\d\d [\d:.]+: I |WARNING: All log messages before absl::InitializeLog")
"""What TensorFlow's C++ part says before it has read the level that it should keep to."""


@contextmanager
def _without_notes() -> Iterator[None]:
    """Holds back what is written to stderr inside the block, and passes it on after it without the notes."""
    try:
        terminal = os.dup(_STDERR)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            held.seek(0)
            for line in held:
                if not _NOTES.match(line):
                    os.write(_STDERR, line)


def _expect_tensorflow(backend: str) -> None:
    if backend != "tensorflow":
        raise BackendUnavailableError(
            f"Keras is set to run on {backend!r}, but its models are needed on TensorFlow here.",
            fix="Set KERAS_BACKEND=tensorflow, and import nothing that sets it otherwise.",
        )


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
_expect_tensorflow(os.environ.setdefault("KERAS_BACKEND", "tensorflow"))
load_triton()
with _without_notes():
    import keras
    import tensorflow as tf
_expect_tensorflow(keras.backend.backend())
