"""Models in Keras's and TensorFlow's own formats: (N, H, W, C) uint8 in, (N, H, W, K) logits out.

A model with several outputs gives a list, main one first.
"""

from __future__ import annotations

from pathlib import Path

from ...domain.ports.exporting import Usage
from ...domain.ports.model import Model
from ...domain.spec import ModelSpec
from .runtime import tf


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


class SavedModel:
    """A folder that TensorFlow and its servers run without Keras or segport."""

    backend = "tensorflow"
    suffix = ""

    def write(self, model: Model, path: Path) -> None:
        """See the port."""
        try:
            model.native.export(path, format="tf_saved_model", verbose=False)
        except tf.errors.OpError as error:
            raise OSError(error.message) from error

    def usage(self, spec: ModelSpec, path: Path) -> Usage:
        """See the port."""
        load = f"import tensorflow as tf\nmodel = tf.saved_model.load({str(path)!r})"
        return _usage(spec, load, "model.serve(images)")


def _usage(spec: ModelSpec, load: str, call: str) -> Usage:
    channels, classes = spec.graph.channels, spec.task.outputs(len(spec.classes))
    contents = f"(N, H, W, {channels}) uint8 images in, (N, H, W, {classes}) float32 logits out"
    outputs = "logits, *others" if len(spec.graph.outputs) > 1 else "logits"
    return Usage(contents, f"{load}\n{outputs} = {call}")
