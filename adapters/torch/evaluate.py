"""Inference: masks, probabilities and confusion counts from a model's current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from ...domain.arrays import LabelBatch, Probabilities
from ...domain.losses.supervision import supervised
from ...domain.ports.backend import EvalTally, StepPlan
from ...domain.samples import Batch
from .device import deterministic_kernels
from .feed import DeviceBatch, feed
from .loss import OPS
from .metric import confusions, predictions
from .model import TorchModel
from .rows import Rows


class TorchEvalSession:
    """See the port. Counts and losses stay on the device until ``drain``."""

    def __init__(self, model: TorchModel, plan: StepPlan | None = None) -> None:
        self._model, self._plan = model, plan
        self._planes = model.spec.task.planes
        self._classes = model.spec.task.matrix(len(model.spec.classes))[0]
        self._counts, self._losses = Rows(), Rows()

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.torch_device)

    @torch.inference_mode()
    def tally(self, batch: DeviceBatch) -> None:
        """See the port."""
        truth, valid = batch.targets()
        outputs = self._outputs(batch)
        self._counts.append(confusions(self._predictions(outputs[0]), truth, valid, self._classes))
        if self._plan is not None:
            with deterministic_kernels(self._plan.deterministic):
                loss: Tensor = supervised(self._plan.loss, OPS, outputs, self._plan.output_weights, truth, valid)
            self._losses.append(loss.expand(len(truth)))

    def drain(self) -> EvalTally:
        """See the port."""
        return EvalTally(list(self._counts.take()), self._losses.take().astype(np.float64))

    @torch.inference_mode()
    def masks(self, batch: DeviceBatch) -> LabelBatch:
        """See the port."""
        masks: LabelBatch = self._predictions(self._main(batch)).to(torch.uint8).cpu().numpy()
        return masks

    @torch.inference_mode()
    def probabilities(self, batch: DeviceBatch) -> Probabilities:
        """See the port."""
        logits = self._main(batch)
        if self._planes:
            values = torch.sigmoid(logits)
        elif logits.shape[-1] == 1:
            values = torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], -1)
        else:
            values = _softmax(logits)
        probabilities: Probabilities = values.contiguous().cpu().numpy()
        return probabilities

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts, self._losses = Rows(), Rows()

    def _predictions(self, logits: Tensor) -> Tensor:
        return predictions(logits, planes=self._planes)

    def _main(self, batch: DeviceBatch) -> Tensor:
        return self._outputs(batch)[0]

    def _outputs(self, batch: DeviceBatch) -> list[Tensor]:
        if self._model.native.training:
            self._model.native.eval()
        return self._model.forward(batch.images)


def _softmax(logits: Tensor) -> Tensor:
    """Over the last axis. On a CPU torch's own takes five times as long where that is only a few classes wide."""
    powers = (logits - logits.amax(-1, keepdim=True)).exp_()
    return powers.div_(powers.sum(-1, keepdim=True))
