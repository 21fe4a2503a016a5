"""The training step and its state."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...domain.losses.supervision import supervised
from ...domain.ports.backend import Precision, StepPlan, StepTally, TrainState
from ...domain.refusals import check_plan, check_state
from ...domain.samples import Batch
from ...domain.training.updates import Updates
from .averaging import Averages
from .device import require_determinism
from .feed import DeviceBatch, feed, targets
from .freezing import held_norms
from .layers import Dropout
from .loss import OPS
from .metric import confusions, predictions
from .model import TensorflowModel, trace_once
from .optimizers import SlottedOptimizer
from .runtime import tf
from .scaling import LossScale


class TensorflowTrainSession:
    """Updates a model in place. Losses and counts stay on the device until ``drain``.

    The whole step is one ``tf.function``, traced once: sizes of batches and images are open, and what changes from step
    to step comes in as tensors. A step that leaves the tuned part frozen is a second one.
    """

    def __init__(self, model: TensorflowModel, plan: StepPlan) -> None:
        check_plan(model.spec.graph, plan)
        if plan.deterministic:
            require_determinism(model.device)
        self._model, self._plan = model, plan
        self._planes, self._matrix = model.spec.task.planes, model.spec.task.matrix(len(model.spec.classes))
        weights = model.spec.graph.weights()
        self._averages = Averages(model) if plan.averaging else None
        self._tensors = {name: tensor for name, tensor in model.tensors.items() if weights[name].trainable}
        self._drops = [layer for layer in model.native.layers if isinstance(layer, Dropout)]
        self._updates = Updates(plan)
        self._losses: list[tf.Tensor] = []
        with tf.device(model.device):
            self._optimizer = SlottedOptimizer(plan, self._tensors)
            self._scale = LossScale() if model.precision == Precision.FP16.value else None
            self._counts = tf.Variable(tf.zeros(self._matrix, tf.int64), trainable=False)
            summed = self._tensors if plan.accumulate > 1 else {}
            self._sums = {name: _zeros(tensor.variable) for name, tensor in summed.items()}
        kinds: list[tuple[tuple[int | None, ...], tf.DType]] = [
            ((None, None, None, self._matrix[0])[: 4 if self._planes else 3], tf.uint8),
            (self._updates.scalars(0.0).shape, tf.float32),
            ((), tf.float32),
            ((2,), tf.int64),
            ((), tf.bool),
        ]
        signature = [model.images, *(tf.TensorSpec(*kind) for kind in kinds)]
        steps = (functools.partial(self._traced, frozen=frozen) for frozen in (False, True))
        self.compiled_step, self.frozen_step = (trace_once(step, signature, model.jit_compile) for step in steps)

    @property
    def result(self) -> TensorflowModel:
        """See the port."""
        return self._averages.model if self._averages else self._model

    def feed(self, batches: Iterable[Batch]) -> Iterator[DeviceBatch]:
        """See the port."""
        return feed(batches, self._model.device)

    def step(self, batch: DeviceBatch, rate: float) -> None:
        """See the port. Every ``accumulate``-th call makes an update, at the rate given to it."""
        scalars, share, complete = self._updates.scalars(rate), self._updates.share(), self._updates.complete
        run = self.frozen_step if self._updates.frozen else self.compiled_step
        with tf.device(self._model.device):
            loss = run(batch.images, batch.labels, scalars, share, self._key(), complete)
        self._losses.append(loss)
        self._updates.count()

    def freeze(self, frozen: bool) -> None:
        """See the port."""
        self._updates.frozen = frozen

    def drain(self) -> StepTally:
        """See the port."""
        losses = tf.stack(self._losses).numpy().astype(np.float64) if self._losses else np.zeros(0)
        tally = StepTally(losses, np.array(self._counts.numpy()))
        self._forget()
        return tally

    def snapshot(self) -> TrainState:
        """See the port."""
        averages = self._averages.model.weights() if self._averages else {}
        made, frozen = self._updates.made, self._updates.frozen_made
        return TrainState(self._model.weights(), self._optimizer.read(), made, frozen, averages)

    def restore(self, state: TrainState) -> None:
        """Takes over a state, dropping what is pending.

        Raises CheckpointError when it does not fit; then nothing has changed.
        """
        check_state(self._model.spec.graph, self._plan, state)
        self._model.load(state.weights)
        self._optimizer.restore(state.slots)
        if self._averages:
            self._averages.model.load(state.averages)
        self._updates.restore(state)
        self._drop_pending()
        self._forget()

    def close(self) -> None:
        """Frees gradients and tallies. The model stays usable; closing twice does no harm."""
        self._drop_pending()
        self._forget()

    def _traced(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        scalars: tf.Tensor,
        share: tf.Tensor,
        key: tf.Tensor,
        complete: tf.Tensor,
        *,
        frozen: bool,
    ) -> tf.Tensor:
        """Forward, backward, counting and, when ``complete``, the update. Gives the loss."""
        plan, held = self._plan, self._plan.tuning.held(self._model.spec.graph, frozen=frozen)
        variables = {name: tensor.variable for name, tensor in self._tensors.items() if name not in held}
        for drop in self._drops:
            drop.key.value.assign(key)
        truth, valid = targets(labels)
        with tf.GradientTape() as tape, held_norms(self._model.native, held):
            outputs = self._model.forward(images, training=True)
            loss = supervised(plan.loss, OPS, outputs, plan.output_weights, truth, valid)
            scaled = loss / plan.accumulate if plan.accumulate > 1 else loss
            scaled = self._scale.scaled(scaled) if self._scale else scaled
        # What the loss does not reach has no gradient, and stays as it is: of zeros it would decay.
        gradients = {name: g for name, g in tape.gradient(scaled, variables).items() if g is not None}
        predicted = predictions(outputs[0], planes=self._planes)
        found = confusions(predicted, truth, valid, self._matrix[0], device=self._model.device)
        self._counts.assign_add(tf.reduce_sum(found, 0))
        if not self._sums:
            self._update(gradients, scalars, share)
            return loss
        for name, gradient in gradients.items():
            self._sums[name].assign_add(gradient)
        _only(complete, lambda: self._update_from_sums(list(gradients), scalars, share))
        return loss

    def _update_from_sums(self, names: Sequence[str], scalars: tf.Tensor, share: tf.Tensor) -> None:
        self._update({name: self._sums[name].value() for name in names}, scalars, share)
        for name in names:
            self._sums[name].assign(tf.zeros_like(self._sums[name]))

    def _update(self, gradients: Mapping[str, tf.Tensor], scalars: tf.Tensor, share: tf.Tensor) -> None:
        if self._scale is None:
            self._optimizer.update(gradients, scalars)
        else:
            unscaled, finite = self._scale.unscaled(list(gradients.values()))
            _only(finite, lambda: self._optimizer.update(dict(zip(gradients, unscaled, strict=True)), scalars))
        if self._averages:
            self._averages.update(share)

    def _key(self) -> NDArray[np.int64]:
        """Of dropout."""
        if not self._drops:
            return np.zeros(2, np.int64)
        return self._updates.entropy().generate_state(2, np.uint64).view(np.int64)

    def _drop_pending(self) -> None:
        self._updates.pending = 0
        for total in self._sums.values():
            total.assign(tf.zeros_like(total))

    def _forget(self) -> None:
        self._losses = []
        self._counts.assign(tf.zeros_like(self._counts))


def _only(condition: tf.Tensor, action: Callable[[], None]) -> None:
    """Does it, while tracing, only where the condition will hold."""

    def act() -> tf.Tensor:
        action()
        return tf.constant(True)

    tf.cond(condition, act, lambda: tf.constant(False))


def _zeros(variable: tf.Variable) -> tf.Variable:
    return tf.Variable(tf.zeros_like(variable), trainable=False)
