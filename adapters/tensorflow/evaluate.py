"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...domain.arrays import LabelBatch, Probabilities
from ...domain.losses.supervision import supervised
from ...domain.ports.backend import EvalTally, StepPlan
from ...domain.samples import Batch
from .feed import DeviceBatch, feed, targets
from .loss import OPS
from .metric import confusions, predictions
from .model import TensorflowModel, trace_once
from .runtime import tf


class TensorflowEvalSession:
    """See the port. Counts and losses stay on the device until ``drain``. A function is traced once, for all sizes."""

    def __init__(self, model: TensorflowModel, plan: StepPlan | None = None) -> None:
        self._model, self._plan = model, plan
        self._planes = model.spec.task.planes
        self._classes = model.spec.task.matrix(len(model.spec.classes))[0]
        self._counts: list[tf.Tensor] = []
        self._losses: list[tf.Tensor] = []
        labels = tf.TensorSpec((None, None, None, self._classes)[: 4 if self._planes else 3], tf.uint8)
        self.counted = trace_once(self._counted, [model.images, labels])
        self.chosen = trace_once(self._chosen, [model.images])
        self.shared = trace_once(self._shared, [model.images])

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.device)

    def tally(self, batch: DeviceBatch) -> None:
        """See the port."""
        with tf.device(self._model.device):
            counts, losses = self.counted(batch.images, batch.labels)
        self._counts.append(counts)
        self._losses.append(losses)

    def drain(self) -> EvalTally:
        """See the port."""
        matrices = tf.concat(self._counts, 0).numpy() if self._counts else np.zeros((0, 0, 0), np.int64)
        losses = tf.concat(self._losses, 0).numpy().astype(np.float64) if self._losses else np.zeros(0)
        self.close()
        return EvalTally(list(matrices), losses)

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
        self._counts, self._losses = [], []

    def _counted(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        truth, valid = targets(labels)
        outputs = self._model.infer(images)
        predicted = self._predictions(outputs[0])
        counts = confusions(predicted, truth, valid, self._classes, device=self._model.device)
        if self._plan is None:
            return counts, tf.zeros((0,))
        loss = supervised(self._plan.loss, OPS, outputs, self._plan.output_weights, truth, valid)
        return counts, tf.fill((tf.shape(truth)[0],), loss)

    def _chosen(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._predictions(self._main(images)), tf.uint8)

    def _shared(self, images: tf.Tensor) -> tf.Tensor:
        logits = self._main(images)
        if self._planes:
            return tf.sigmoid(logits)
        if logits.shape[-1] == 1:
            return tf.concat([tf.sigmoid(-logits), tf.sigmoid(logits)], -1)
        return tf.nn.softmax(logits, -1)

    def _predictions(self, logits: tf.Tensor) -> tf.Tensor:
        return predictions(logits, planes=self._planes)

    def _main(self, images: tf.Tensor) -> tf.Tensor:
        return self._model.infer(images)[0]
