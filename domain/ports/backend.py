"""What a framework must offer to train and run models: the application owns the loop, a backend the compiled step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from ..architecture.graph import Graph
from ..architecture.weights import Weights
from ..arrays import Counts, LabelBatch, Probabilities
from ..losses.tensor_ops import AnyOps
from ..samples import Batch
from ..spec import ModelSpec
from ..terms import Precision as Precision
from ..training.averaging import Averaging
from ..training.optimizers import Optimizer
from ..training.tuning import Tuning
from .loss import Loss
from .model import Model


class Capability(StrEnum):
    """What tests and services ask for, instead of a backend's name."""

    TRAINING = "training"
    GPU = "gpu"
    MIXED_PRECISION = "mixed-precision"
    COMPILED = "compiled"
    DETERMINISTIC = "deterministic"
    DISTRIBUTED = "distributed"


@frozen
class DeviceInfo:
    """A device a backend can use. ``precision`` is what ``auto`` chooses there, ``reason`` says why."""

    name: str
    summary: str
    precision: Precision
    reason: str


@frozen(eq=False)
class StepPlan:
    """All that one optimisation step needs besides a batch and a rate.

    Attributes:
        loss: called on each output of the model.
        output_weights: one weight for each output of the graph; (1.0,) without deep supervision.
        optimizer: the pinned update formula.
        clip_norm: global L2 norm the gradient is scaled down to, or None.
        accumulate: batches averaged into one update.
        seed: of dropout.
        deterministic: ask the framework for deterministic kernels.
        tuning: how the encoder is trained, where otherwise than the rest.
        averaging: the moving average of the weights that is kept beside them, or None.
    """

    loss: Loss
    output_weights: tuple[float, ...]
    optimizer: Optimizer
    clip_norm: float | None = None
    accumulate: int = 1
    seed: int = 0
    deterministic: bool = True
    tuning: Tuning = Tuning()
    averaging: Averaging | None = None


@frozen(eq=False)
class StepTally:
    """What happened since the last drain: the loss of every step in order, and the summed training confusion."""

    losses: NDArray[np.float64]
    counts: Counts


@frozen(eq=False)
class EvalTally:
    """What was counted since the last drain, image by image in order of feeding.

    Attributes:
        counts: a confusion matrix each.
        losses: (N,) float64, of each image the loss of the batch it was in; (0,) where no losses were asked for.
    """

    counts: list[Counts]
    losses: NDArray[np.float64]

    @property
    def mean_loss(self) -> float:
        """Over the images that have a pixel that counts; NaN without any.

        A short last batch weighs no more than its images. Within a batch, losses pool the pixels of all its images, so
        the mean depends a little on which images share one.
        """
        seen = [loss for loss, counts in zip(self.losses.tolist(), self.counts, strict=True) if counts.any()]
        return sum(seen) / len(seen) if seen else float("nan")


@frozen(eq=False)
class TrainState:
    """A training session laid out canonically, so another backend can go on from it.

    ``weights`` by canonical name; ``slots`` the optimizer's arrays as "<slot>/<weight name>", as in
    "m/encoder.conv1.weight"; ``step`` is the number of updates made, and ``frozen`` how many of them left the plan's
    tuned part as it was: for it, Adam counts the others. ``averages`` are those of all weights, running
    statistics among them, by the same names; none where the plan asks for none. Pending accumulated gradients are never
    part of a state: the application snapshots between updates only.
    """

    weights: Weights
    slots: Mapping[str, NDArray[np.float32]]
    step: int
    frozen: int = 0
    averages: Weights = field(factory=dict)


class TrainSession(Protocol):
    """One run's compiled training step and its state."""

    @property
    def result(self) -> Model:
        """What training makes, to be validated and kept: the trained model, or where the plan averages, a second one.

        That lies beside it on the device, holds the averages, and moves with every update; one that an overflow of
        float16 skipped counts as well.
        """
        ...

    def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
        """Moves batches to the device, one or two ahead of the consumer. What it yields is for ``step`` alone."""
        ...

    def step(self, batch: Any, rate: float) -> None:
        """Enqueues forward, backward and update at that learning rate. Reads nothing back from the device."""
        ...

    def freeze(self, frozen: bool) -> None:
        """Whether the plan's tuned part stays as it is from the next step on: weights, slots and running statistics.

        Its norms then normalise by their running statistics. Not so at first. Call it between updates; it is no part
        of a snapshot, and both ways are compiled once at most.
        """
        ...

    def drain(self) -> StepTally:
        """The one point of synchronisation: waits, and hands over what was counted since the last drain."""
        ...

    def snapshot(self) -> TrainState:
        """A copy of everything that the next step depends on. Call it between updates."""
        ...

    def restore(self, state: TrainState) -> None:
        """Goes back to a snapshot. Raises CheckpointError when it does not fit; then nothing has changed."""
        ...

    def close(self) -> None:
        """Frees what the session holds; the model stays usable. Closing twice does no harm."""
        ...


class EvalSession(Protocol):
    """A model in inference mode. Batches come from ``feed``: give it a whole source, so that transfers overlap."""

    def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
        """Moves batches to the device ahead of the consumer, as in training."""
        ...

    def tally(self, batch: Any) -> None:
        """Enqueues the prediction of a batch, the counting of one matrix an image and, with a plan, the loss."""
        ...

    def drain(self) -> EvalTally:
        """The one point of synchronisation: waits, and hands over what was counted since the last drain."""
        ...

    def masks(self, batch: Any) -> LabelBatch:
        """(N, H, W) predicted class indices: argmax (ties to the lowest index), or logit > 0 for binary.

        Of planes (N, H, W, K), 1 where logit > 0.
        """
        ...

    def probabilities(self, batch: Any) -> Probabilities:
        """(N, H, W, K) float32: softmax; for binary two columns, (1 - sigmoid, sigmoid); of planes a sigmoid each."""
        ...

    def close(self) -> None:
        """Frees what the session holds. Closing twice does no harm."""
        ...


class Backend(Protocol):
    """One framework."""

    @property
    def name(self) -> str:
        """What users write after --backend."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do here and now."""
        ...

    def devices(self) -> Sequence[DeviceInfo]:
        """Usable devices, best first."""
        ...

    def build(
        self,
        spec: ModelSpec,
        weights: Weights,
        *,
        device: str = "auto",
        precision: Precision = Precision.AUTO,
    ) -> Model:
        """The native model of ``spec.graph`` holding ``weights``.

        Raises InvalidSpecError for an unknown device or a precision it cannot do there, CheckpointError for weights
        that do not fit.
        """
        ...

    def trainer(self, model: Model, plan: StepPlan) -> TrainSession:
        """A session that updates ``model`` in place."""
        ...

    def evaluator(self, model: Model, plan: StepPlan | None = None) -> EvalSession:
        """A session over the model's current weights; several may live beside a trainer.

        With a ``plan``, tallying also computes the loss that training minimises: the same formula on the same outputs
        by the same weights, so that both can be compared, on the logits of inference.
        """
        ...


@runtime_checkable
class WithFacts(Protocol):
    """A backend may also say of itself what `segport doctor` shall show. None has to."""

    def facts(self) -> Mapping[str, str]:
        """Builds, drivers, threads: text by name."""
        ...


@runtime_checkable
class WithMemoryErrors(Protocol):
    """A backend may also tell which of its framework's errors say that memory ran out. None has to."""

    def out_of_memory(self, error: Exception) -> bool:
        """Whether this one does. Python's own MemoryError is known without asking."""
        ...


@runtime_checkable
class WithOperations(Protocol):
    """A backend may also lend its operation table, so that a formula can be computed without a model. None has to."""

    @property
    def operations(self) -> AnyOps:
        """What its losses are made of."""
        ...


@runtime_checkable
class WithNatives(Protocol):
    """A backend may also run models that are its framework's own code. None has to.

    Its factory takes ``architectures``, which gives the architecture of a name and options.
    """

    def first_weights(self, graph: Graph, seed: int) -> Weights:
        """What training of such a model begins with: as its own code draws or loads it, by that seed."""
        ...
