"""Predicting and counting on the device. Only integers leave it; the domain makes scores of them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from segport.domain.arrays import IGNORE, LabelBatch, Probabilities
from segport.domain.losses.supervision import supervised
from segport.domain.ports.backend import EvalTally, StepPlan
from segport.domain.samples import Task

from .loss import OPS
from .model import Fed, JaxModel


class JaxEvalSession:
    """See the port. Counts and losses stay on the device until ``drain``."""

    def __init__(self, model: JaxModel, plan: StepPlan | None = None) -> None:
        self.feed, self._model, self._task = model.feed, model, model.spec.task
        self._loss = jax.jit(partial(loss_of, plan)) if plan else None
        self.close()

    def tally(self, batch: Fed) -> None:
        """See the port."""
        outputs = self._outputs(batch)
        self._counts.append(confusions(outputs[0], batch[1], self._task, len(self._model.spec.classes)))
        if self._loss:
            self._losses.append(jnp.full(len(batch[0]), self._loss(outputs, batch[1])))

    def drain(self) -> EvalTally:
        """See the port."""
        counts, losses = jax.device_get((self._counts, self._losses))
        self.close()
        return EvalTally([m.astype(np.int64) for part in counts for m in part], np.concatenate([np.zeros(0), *losses]))

    def masks(self, batch: Fed) -> LabelBatch:
        """See the port."""
        return np.array(predictions(self._outputs(batch)[0], self._task), np.uint8)

    def probabilities(self, batch: Fed) -> Probabilities:
        """See the port."""
        logits = self._outputs(batch)[0]
        if self._task is Task.BINARY:
            logits = jnp.concatenate([jnp.zeros_like(logits), logits], -1)
        return np.array(jax.nn.sigmoid(logits) if self._task.planes else jax.nn.softmax(logits, -1))

    def close(self) -> None:
        """Drops what was counted. Closing twice does no harm."""
        self._counts, self._losses = list[Array](), list[Array]()

    def _outputs(self, batch: Fed) -> list[Array]:
        return list(self._model.native(self._model.arrays, batch[0])[0])


def loss_of(plan: StepPlan, outputs: list[Array], labels: Array) -> Array:
    """The plan's loss of a model's outputs."""
    valid = labels != IGNORE
    truth = jnp.where(valid, labels, 0).astype(jnp.int32)
    return jnp.asarray(supervised(plan.loss, OPS, outputs, plan.output_weights, truth, valid))


def predictions(logits: Array, task: Task) -> Array:
    """(N, H, W) classes: argmax, ties to the lowest index; of one logit, or of each plane, 1 where it is above 0."""
    found = logits > 0 if task.planes else logits[..., 0] > 0 if task is Task.BINARY else logits.argmax(-1)
    return found.astype(jnp.int32)


@partial(jax.jit, static_argnums=(2, 3))
def confusions(logits: Array, labels: Array, task: Task, classes: int) -> Array:
    """One matrix an image, (N, K, K) int32: row = truth, column = prediction; of planes (N, K, 2, 2).

    One-hot planes multiplied, exact up to 2^24 pixels an image. A label that is ignored is all zeros.
    """
    size = task.matrix(classes)[-1]
    rows, columns = jax.nn.one_hot(labels, size), jax.nn.one_hot(predictions(logits, task), size)
    return jnp.einsum("nhw...t,nhw...p->n...tp", rows, columns).astype(jnp.int32)
