"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...domain.arrays import Counts, LabelBatch, Probabilities
from ...domain.samples import Batch
from .feed import DeviceBatch, feed, targets
from .metric import confusions, predictions
from .model import TensorflowModel, trace_once
from .runtime import tf


class TensorflowEvalSession:
    """See the port. Counts stay on the device until ``drain``. Each function is traced once, for all sizes."""

    def __init__(self, model: TensorflowModel) -> None:
        self._model = model
        self._classes = max(2, len(model.spec.classes))
        self._counts: list[tf.Tensor] = []
        labels = tf.TensorSpec((None, None, None), tf.uint8)
        self.counted = trace_once(self._counted, [model.images, labels])
        self.chosen = trace_once(self._chosen, [model.images])
        self.shared = trace_once(self._shared, [model.images])

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.device)

    def tally(self, batch: DeviceBatch) -> None:
        """See the port."""
        with tf.device(self._model.device):
            self._counts.append(self.counted(batch.images, batch.labels))

    def drain(self) -> list[Counts]:
        """See the port."""
        matrices = tf.concat(self._counts, 0).numpy() if self._counts else np.zeros((0, 0, 0), np.int64)
        self._counts = []
        return list(matrices)

    def masks(self, batch: DeviceBatch) -> LabelBatch:
        """See the port."""
        with tf.device(self._model.device):
            masks: LabelBatch = self.chosen(batch.images).numpy()
        return masks

    def probabilities(self, batch: DeviceBatch) -> Probabilities:
        """See the port."""
        with tf.device(self._model.device):
            probabilities: Probabilities = self.shared(batch.images).numpy()
        return probabilities

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts = []

    def _counted(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        truth, valid = targets(labels)
        predicted = predictions(self._main(images))
        return confusions(predicted, truth, valid, self._classes, device=self._model.device)

    def _chosen(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(predictions(self._main(images)), tf.uint8)

    def _shared(self, images: tf.Tensor) -> tf.Tensor:
        logits = self._main(images)
        if logits.shape[-1] == 1:
            return tf.concat([tf.sigmoid(-logits), tf.sigmoid(logits)], -1)
        return tf.nn.softmax(logits, -1)

    def _main(self, images: tf.Tensor) -> tf.Tensor:
        return self._model.infer(images)[0]
