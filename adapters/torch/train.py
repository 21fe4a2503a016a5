"""The training step and its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from ...domain.architecture.native import Native
from ...domain.architecture.operations import Dropout
from ...domain.losses.supervision import supervised
from ...domain.ports.backend import Precision, StepPlan, StepTally, TrainState
from ...domain.refusals import check_plan, check_state
from ...domain.samples import Batch
from ...domain.training.updates import Updates
from .averaging import Averages
from .device import deterministic_kernels
from .feed import DeviceBatch, feed
from .freezing import Freezer
from .loss import OPS
from .metric import confusions, predictions
from .model import TorchModel, graph_has
from .optimizers import SlottedOptimizer
from .randomness import seeded
from .rows import Rows


class TorchTrainSession:
    """Updates a model in place. Losses and counts stay on the device until ``drain``."""

    def __init__(self, model: TorchModel, plan: StepPlan) -> None:
        check_plan(model.spec.graph, plan)
        self._model, self._plan = model, plan
        self._optimizer = SlottedOptimizer(plan.optimizer, model.native, plan.tuning)
        self._averages = Averages(model) if plan.averaging else None
        self._freezer = Freezer(model.native)
        self._parameters: list[nn.Parameter] = list(model.native.parameters())
        self._scaler = (
            torch.amp.GradScaler(model.torch_device.type) if model.precision == Precision.FP16.value else None
        )
        self._random = graph_has(model.spec.graph, Dropout, Native)
        self._planes, self._matrix = model.spec.task.planes, model.spec.task.matrix(len(model.spec.classes))
        self._updates = Updates(plan)
        self._losses, self._counts = Rows(), self._no_counts()
        self.freeze(False)

    @property
    def result(self) -> TorchModel:
        """See the port."""
        return self._averages.model if self._averages else self._model

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.torch_device)

    def step(self, batch: DeviceBatch, rate: float) -> None:
        """See the port. Every ``accumulate``-th call makes an update, at the rate given to it."""
        plan = self._plan
        if not self._model.native.training:
            self._freezer.train()
        truth, valid = batch.targets()
        with ExitStack() as stack:
            # Not when compiled: under that flag torch 2.13's compiler loses gradients of resized outputs on a CPU.
            stack.enter_context(deterministic_kernels(plan.deterministic and not self._model.compiled))
            if self._random:
                stack.enter_context(seeded(self._seed(), self._model.torch_device))
            outputs = self._model.forward(batch.images)
            loss: Tensor = supervised(plan.loss, OPS, outputs, plan.output_weights, truth, valid)
            scaled = loss / plan.accumulate if plan.accumulate > 1 else loss
            torch.autograd.backward(self._scaler.scale(scaled) if self._scaler else scaled)
        self._losses.append(loss.detach()[None])
        predicted = predictions(outputs[0].detach(), planes=self._planes)
        self._counts += confusions(predicted, truth, valid, self._matrix[0]).sum(0)
        if self._updates.complete:
            self._update(rate)
        self._updates.count()

    def freeze(self, frozen: bool) -> None:
        """See the port."""
        self._updates.frozen = frozen
        self._freezer.hold(self._plan.tuning.held(self._model.spec.graph, frozen=frozen))

    def drain(self) -> StepTally:
        """See the port."""
        tally = StepTally(self._losses.take().astype(np.float64), self._counts.cpu().numpy())
        self._counts = self._no_counts()
        return tally

    def snapshot(self) -> TrainState:
        """See the port."""
        averages = self._averages.model.weights() if self._averages else {}
        made, frozen = self._updates.made, self._updates.frozen_made
        return TrainState(self._model.weights(), self._optimizer.slots(), made, frozen, averages)

    def restore(self, state: TrainState) -> None:
        """Takes over a state, dropping what is pending.

        Raises CheckpointError when it does not fit; then nothing has changed.
        """
        check_state(self._model.spec.graph, self._plan, state)
        self._model.load(state.weights)
        self._optimizer.restore(state.slots, state.step, state.frozen)
        if self._averages:
            self._averages.model.load(state.averages)
        self._updates.restore(state)
        self._losses, self._counts = Rows(), self._no_counts()

    def close(self) -> None:
        """Frees gradients and tallies. The model stays usable; closing twice does no harm."""
        for parameter in self._parameters:
            parameter.grad = None
        self._freezer.hold(())
        self._losses, self._counts, self._updates.pending = Rows(), self._no_counts(), 0

    def _update(self, rate: float) -> None:
        if self._plan.clip_norm is not None:
            if self._scaler:
                self._scaler.unscale_(self._optimizer.native)
            nn.utils.clip_grad_norm_(self._parameters, self._plan.clip_norm)
        self._optimizer.update(rate, self._scaler)
        if self._averages:
            self._averages.update(float(self._updates.share()))

    def _seed(self) -> int:
        """Of dropout."""
        return int(self._updates.entropy().generate_state(1, np.uint64)[0] >> np.uint64(1))

    def _no_counts(self) -> Tensor:
        return torch.zeros(self._matrix, dtype=torch.int64, device=self._model.torch_device)
