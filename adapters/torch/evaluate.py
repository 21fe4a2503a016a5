"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from ...domain.arrays import Counts, LabelBatch, Probabilities
from ...domain.samples import Batch
from .feed import DeviceBatch, feed
from .metric import confusions, predictions
from .model import TorchModel


class TorchEvalSession:
    """See the port. Counts stay on the device until ``drain``."""

    def __init__(self, model: TorchModel) -> None:
        self._model = model
        self._classes = max(2, len(model.spec.classes))
        self._counts: list[Tensor] = []

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.torch_device)

    @torch.inference_mode()
    def tally(self, batch: DeviceBatch) -> None:
        """See the port."""
        truth, valid = batch.targets()
        self._counts.append(confusions(predictions(self._main(batch)), truth, valid, self._classes))

    def drain(self) -> list[Counts]:
        """See the port."""
        matrices = torch.cat(self._counts).cpu().numpy() if self._counts else np.zeros((0, 0, 0), np.int64)
        self._counts = []
        return list(matrices)

    @torch.inference_mode()
    def masks(self, batch: DeviceBatch) -> LabelBatch:
        """See the port."""
        masks: LabelBatch = predictions(self._main(batch)).to(torch.uint8).cpu().numpy()
        return masks

    @torch.inference_mode()
    def probabilities(self, batch: DeviceBatch) -> Probabilities:
        """See the port."""
        logits = self._main(batch)
        if logits.shape[-1] == 1:
            values = torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], -1)
        else:
            values = _softmax(logits)
        probabilities: Probabilities = values.contiguous().cpu().numpy()
        return probabilities

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts = []

    def _main(self, batch: DeviceBatch) -> Tensor:
        if self._model.native.training:
            self._model.native.eval()
        return self._model.forward(batch.images)[0]


def _softmax(logits: Tensor) -> Tensor:
    """Over the last axis. On a CPU torch's own takes five times as long where that is only a few classes wide."""
    powers = (logits - logits.amax(-1, keepdim=True)).exp_()
    return powers.div_(powers.sum(-1, keepdim=True))
