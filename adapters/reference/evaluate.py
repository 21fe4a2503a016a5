"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...domain.arrays import IGNORE, Counts, LabelBatch, Logits, Probabilities
from ...domain.losses.supervision import supervised
from ...domain.metrics.confusion import per_image
from ...domain.ports.backend import EvalTally, StepPlan
from ...domain.samples import Batch
from .loss import OPS
from .model import NumpyModel


class NumpyEvalSession:
    """See the port. There is no device, so nothing waits: all is computed when it is asked for."""

    def __init__(self, model: NumpyModel, plan: StepPlan | None = None) -> None:
        self._model, self._plan = model, plan
        self._classes = max(2, len(model.spec.classes))
        self._counts: list[Counts] = []
        self._losses: list[float] = []

    def feed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """See the port."""
        yield from batches

    def tally(self, batch: Batch) -> None:
        """See the port."""
        outputs = self._model.logits(batch.images)
        found = per_image(list(batch.labels), list(_decided(outputs[0])), self._classes)
        self._counts += [confusion.counts for confusion in found]
        if self._plan is not None:
            valid = batch.labels != IGNORE
            truth = np.where(valid, batch.labels, 0)
            loss = supervised(self._plan.loss, OPS, outputs, self._plan.output_weights, truth, valid)
            self._losses += [float(loss)] * len(batch)

    def drain(self) -> EvalTally:
        """See the port."""
        tally = EvalTally(self._counts, np.array(self._losses, np.float64))
        self.close()
        return tally

    def masks(self, batch: Batch) -> LabelBatch:
        """See the port."""
        return _decided(self._model.logits(batch.images)[0])

    def probabilities(self, batch: Batch) -> Probabilities:
        """See the port."""
        logits = self._model.logits(batch.images)[0]
        if logits.shape[-1] == 1:
            return np.concatenate([OPS.sigmoid(-logits), OPS.sigmoid(logits)], axis=-1)
        return OPS.softmax(logits, -1)

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts, self._losses = [], []


def _decided(logits: Logits) -> LabelBatch:
    masks: LabelBatch = (logits[..., 0] > 0 if logits.shape[-1] == 1 else logits.argmax(-1)).astype(np.uint8)
    return masks
