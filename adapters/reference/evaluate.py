"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...domain.arrays import Counts, LabelBatch, Probabilities
from ...domain.metrics.confusion import per_image
from ...domain.samples import Batch
from .loss import OPS
from .model import NumpyModel


class NumpyEvalSession:
    """See the port. There is no device, so nothing waits: all is computed when it is asked for."""

    def __init__(self, model: NumpyModel) -> None:
        self._model = model
        self._classes = max(2, len(model.spec.classes))
        self._counts: list[Counts] = []

    def feed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """See the port."""
        yield from batches

    def tally(self, batch: Batch) -> None:
        """See the port."""
        found = per_image(list(batch.labels), list(self.masks(batch)), self._classes)
        self._counts += [confusion.counts for confusion in found]

    def drain(self) -> list[Counts]:
        """See the port."""
        counts, self._counts = self._counts, []
        return counts

    def masks(self, batch: Batch) -> LabelBatch:
        """See the port."""
        logits = self._model.logits(batch.images)[0]
        masks: LabelBatch = (logits[..., 0] > 0 if logits.shape[-1] == 1 else logits.argmax(-1)).astype(np.uint8)
        return masks

    def probabilities(self, batch: Batch) -> Probabilities:
        """See the port."""
        logits = self._model.logits(batch.images)[0]
        if logits.shape[-1] == 1:
            return np.concatenate([OPS.sigmoid(-logits), OPS.sigmoid(logits)], axis=-1)
        return OPS.softmax(logits, -1)

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts = []
