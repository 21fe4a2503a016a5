"""The name under which Keras finds these layers again when it loads a saved model."""

from __future__ import annotations

from ..runtime import keras

register = keras.saving.register_keras_serializable(package="segport")
