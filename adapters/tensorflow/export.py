"""Models in Keras's and TensorFlow's own formats: (N, H, W, C) uint8 in, (N, H, W, K) logits out.

A model with several outputs gives a list, main one first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...domain.ports.exporting import Usage
from ...domain.ports.model import Model
from ...domain.spec import ModelSpec
from .runtime import keras, tf


class KerasFile:
    """The Keras model itself, in Keras's own format."""

    backend = "tensorflow"
    suffix = ".keras"

    def write(self, model: Model, path: Path) -> None:
        """See the port."""
        model.native.save(path)

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port. Some layers are segport's own, and must have been imported."""
        imports = "import segport.adapters.tensorflow.layers\nimport keras"
        return _usage(spec, f"{imports}\nmodel = keras.saving.load_model({str(path)!r})", "model(images)")


class H5File(KerasFile):
    """The Keras model itself, in Keras's older format, HDF5."""

    suffix = ".h5"

    def write(self, model: Model, path: Path) -> None:
        """See the port. Without Keras's advice to prefer its newer format: this one was asked for."""
        with _quiet("absl"):
            super().write(model, path)


class SavedModel:
    """A folder that TensorFlow and its servers run without Keras or segport."""

    backend = "tensorflow"
    suffix = ""

    def write(self, model: Model, path: Path) -> None:
        """See the port. Not by ``keras.Model.export``: it would store every weight twice."""
        images = tf.TensorSpec((None, None, None, model.spec.graph.channels), tf.uint8, "images")
        archive = keras.export.ExportArchive()
        archive.add_endpoint("serve", model.native, [images])
        try:
            archive.write_out(path, verbose=False)
        except tf.errors.OpError as error:
            raise OSError(error.message) from error

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port."""
        load = f"import tensorflow as tf\nmodel = tf.saved_model.load({str(path)!r})"
        return _usage(spec, load, "model.serve(images)")


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Only errors are logged under that name inside the block."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _usage(spec: ModelSpec, load: str, call: str) -> Usage:
    channels, classes = spec.graph.channels, spec.task.outputs(len(spec.classes))
    contents = f"(N, H, W, {channels}) uint8 images in, (N, H, W, {classes}) float32 logits out"
    outputs = "logits, *others" if len(spec.graph.outputs) > 1 else "logits"
    return Usage(contents, f"{load}\n{outputs} = {call}")
