"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...domain.arrays import IGNORE, Counts, LabelBatch, Probabilities
from ...domain.losses.supervision import supervised
from ...domain.metrics.differences import decisions
from ...domain.metrics.planes import count
from ...domain.ports.backend import EvalTally, StepPlan
from ...domain.samples import Batch
from .loss import OPS
from .model import NumpyModel


class NumpyEvalSession:
    """See the port. There is no device, so nothing waits: all is computed when it is asked for."""

    def __init__(self, model: NumpyModel, plan: StepPlan | None = None) -> None:
        self._model, self._plan = model, plan
        self._task, self._classes = model.spec.task, model.spec.task.matrix(len(model.spec.classes))[0]
        self._counts: list[Counts] = []
        self._losses: list[float] = []

    def feed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """See the port."""
        yield from batches

    def tally(self, batch: Batch) -> None:
        """See the port."""
        outputs = self._model.logits(batch.images)
        pairs = zip(batch.labels, decisions(outputs[0], planes=self._task.planes), strict=True)
        self._counts += [count(*pair, self._classes).counts for pair in pairs]
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
        return decisions(self._model.logits(batch.images)[0], planes=self._task.planes)

    def probabilities(self, batch: Batch) -> Probabilities:
        """See the port."""
        logits = self._model.logits(batch.images)[0]
        if self._task.planes:
            return OPS.sigmoid(logits)
        if logits.shape[-1] == 1:
            return np.concatenate([OPS.sigmoid(-logits), OPS.sigmoid(logits)], axis=-1)
        return OPS.softmax(logits, -1)

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts, self._losses = [], []
