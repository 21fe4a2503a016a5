"""What is checked, and the small models and batches it is checked with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from ...domain.architecture.builder import GraphBuilder
from ...domain.architecture.graph import IMAGE, Graph
from ...domain.architecture.operations import (
    Activation,
    Add,
    Attention,
    Average,
    Concat,
    Conv,
    Dropout,
    GlobalPool,
    GridPool,
    LayerNorm,
    LayerScale,
    MaxPool,
    Multiply,
    Norm,
    Resize,
)
from ...domain.architecture.weights import Weights, initialise
from ...domain.arrays import IGNORE, LabelBatch, Logits
from ...domain.classes import ClassMap
from ...domain.losses.crossentropy import BinaryCrossEntropy, CrossEntropy
from ...domain.losses.planes import PerPlane
from ...domain.ports.backend import Backend, Precision, StepPlan, TrainSession
from ...domain.ports.loss import Loss
from ...domain.ports.model import Model
from ...domain.resampling import Fit
from ...domain.samples import Batch, Task
from ...domain.spec import ModelSpec, Normalisation
from ...domain.training.optimizers import Optimizer, Sgd

SIZE = (24, 32)
"""(height, width) of most batches: small, not square, a multiple of the small graph's stride."""

PLAIN_SGD = Sgd(momentum=0.0)
LOSS_TOLERANCE = 1e-5


@frozen(eq=False)
class Subject:
    """A backend under check.

    Attributes:
        backend: any implementation of the port.
        reference: makes the model whose logits are right: the NumPy one.
        device: where to build models.
    """

    backend: Backend
    reference: Callable[[ModelSpec, Weights], Model]
    device: str = "auto"

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.backend.name

    def model(self, spec: ModelSpec, seed: int = 0, precision: Precision = Precision.FP32) -> Model:
        """A model of ``spec`` with ``lively`` weights."""
        return self.backend.build(spec, lively(spec.graph, seed), device=self.device, precision=precision)

    def with_weights(self, spec: ModelSpec, weights: Weights) -> Model:
        """A float32 model of ``spec`` with given weights."""
        return self.backend.build(spec, weights, device=self.device, precision=Precision.FP32)

    def trainer(self, model: Model, **changes: Any) -> TrainSession:
        """A session by ``plan`` on a model of this subject."""
        return self.backend.trainer(model, plan(model.spec, **changes))


@frozen(eq=False)
class Broken:
    """Weights that do not fit, and why."""

    why: str
    weights: Weights = field(repr=False)


def small_spec(task: Task = Task.MULTICLASS, *, dropout: float = 0.0, channels: int = 3, outputs: int = 2) -> ModelSpec:
    """A model of a few thousand weights that uses every operation; 4 classes, or 2 when binary.

    For classification its logits are one pixel.
    """
    classes = ClassMap.binary("blob") if task is Task.BINARY else ClassMap.of(["sky", "sea", "land", "ice"])
    pooled = task is Task.CLASSIFICATION
    graph = _every_operation(channels, task.outputs(len(classes)), dropout, outputs, pooled=pooled)
    return _spec(graph, classes, task, channels)


def pixelwise_spec(*, norm: bool = False) -> ModelSpec:
    """One 1x1 convolution, so that no pixel's logits depend on another's; behind a norm of the image if wanted."""
    builder = GraphBuilder(3)
    source = builder.add(Norm(), IMAGE, name="first") if norm else IMAGE
    graph = builder.build([builder.add(Conv(4, kernel=1, bias=True), source, name="head")])
    return _spec(graph, ClassMap.of(["sky", "sea", "land", "ice"]), Task.MULTICLASS, 3)


def lively(graph: Graph, seed: int) -> dict[str, NDArray[np.float32]]:
    """First weights, with biases, norms and running statistics moved off their idle 0 and 1."""
    generator = np.random.default_rng(seed)
    weights = initialise(graph, seed)
    for name, array in weights.items():
        if array.ndim == 1:
            low = 0.5 if name.endswith("running_var") else -0.2
            weights[name] = (array + generator.uniform(low, 0.5, array.shape)).astype(np.float32)
    return weights


def batch(spec: ModelSpec, count: int = 3, size: tuple[int, int] = SIZE, seed: int = 0) -> Batch:
    """Images whose classes follow from their brightness, with a tenth of the pixels ignored.

    For classification the labels are those of the first pixels. Planes lie within one another, and each ignores others.
    """
    generator = np.random.default_rng(seed)
    height, width = size
    coarse = generator.integers(0, 256, (count, -(-height // 4), -(-width // 4), spec.graph.channels))
    blocks = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
    images = np.clip(blocks + generator.integers(-20, 21, blocks.shape), 0, 255).astype(np.uint8)
    labels = (blocks.mean(axis=3) * len(spec.classes) // 256).astype(np.uint8)
    if spec.task.planes:
        labels = (labels[..., np.newaxis] >= np.arange(len(spec.classes))).astype(np.uint8)
    labels[generator.random(labels.shape) < 0.1] = IGNORE
    labels = labels[:, :1, :1] if spec.task is Task.CLASSIFICATION else labels
    return Batch(images, labels, tuple(f"{seed}-{i}" for i in range(count)))


def loss_of(spec: ModelSpec) -> Loss:
    """The plain loss of the model's task."""
    if spec.task.planes:
        return PerPlane(BinaryCrossEntropy())
    return BinaryCrossEntropy() if spec.task is Task.BINARY else CrossEntropy()


def cross_entropy(logits: Logits, labels: LabelBatch) -> float:
    """That loss in float64, straight from its definition."""
    if labels.ndim == 4:
        planes = range(labels.shape[3])
        return float(np.mean([cross_entropy(logits[..., k : k + 1], labels[..., k]) for k in planes]))
    z, valid = logits.astype(np.float64), labels != IGNORE
    if z.shape[-1] == 1:
        z = np.concatenate([np.zeros_like(z), z], axis=-1)  # sigmoid is softmax against a logit of zero
    logs = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
    return float(-np.take_along_axis(logs[valid], labels[valid][:, None].astype(np.intp), axis=1).mean())


def plan(spec: ModelSpec, *, optimizer: Optimizer = PLAIN_SGD, **changes: Any) -> StepPlan:
    """A step plan for the model, main output at full weight and the others at half."""
    weights = (1.0, *[0.5] * (len(spec.graph.outputs) - 1))
    return evolve(StepPlan(loss_of(spec), weights, optimizer), **changes)


def train(session: TrainSession, batches: Sequence[Batch], rate: float) -> None:
    """One step a batch."""
    for fed in session.feed(batches):
        session.step(fed, rate)


def misfits(weights: Weights) -> list[Broken]:
    """Sets of weights near to ``weights`` that no model of theirs may take."""
    name = next(n for n, array in weights.items() if array.ndim == 4)
    array = weights[name]
    missing = {n: a for n, a in weights.items() if n != name}
    return [
        Broken(f"{name} is missing", missing),
        Broken("a tensor nobody knows", {**weights, "nobody.weight": array}),
        Broken(f"{name} has another shape", {**weights, name: np.concatenate([array, array])}),
    ]


def _spec(graph: Graph, classes: ClassMap, task: Task, channels: int) -> ModelSpec:
    normalisation = Normalisation((0.45, 0.5, 0.4)[:channels], (0.25, 0.2, 0.3)[:channels])
    return ModelSpec(graph, classes, task, normalisation, Fit.NATIVE, SIZE, "conformance")


def _every_operation(channels: int, logits: int, dropout: float, outputs: int, *, pooled: bool) -> Graph:
    draw = GraphBuilder(channels)
    stem = draw.conv_norm_act(IMAGE, 8, name="stem", stride=2)
    quarter = draw.add(MaxPool(kernel=3, stride=2, padding=1), stem, name="pool")
    inner = draw.conv_norm_act(quarter, 12, name="inner", function="silu")
    inner = draw.conv_norm(inner, 12, conv="grouped.conv", norm="grouped.norm", groups=3, dilation=2)
    short = draw.add(Conv(12, kernel=1, bias=True), quarter, name="short")
    scaled = draw.add(LayerScale(), draw.add(LayerNorm(), inner, name="layer_norm"), name="layer_scale")
    inner = draw.add(Activation("leaky_relu"), draw.add(Add(), scaled, short, name="sum"), name="sum_act")
    gate = draw.add(Conv(12, kernel=1, bias=True), draw.add(GlobalPool(), inner, name="mean"), name="gate")
    inner = draw.add(Multiply(), inner, draw.add(Activation("sigmoid"), gate, name="gate_act"), name="gated")
    grid = draw.add(GridPool(3), inner, name="grid")
    # Without a bias: softmax does not see one, so its gradient is rounding, of which Adam makes whole steps.
    keys = draw.add(Conv(12, kernel=1), grid, name="keys")
    seen = draw.add(Attention(heads=3), inner, keys, grid, name="attention")
    grid = draw.add(Resize("bilinear"), grid, inner, name="grid_up")
    inner = draw.add(Average(), inner, grid, seen, name="average")
    upper = draw.add(Resize("bilinear"), inner, stem, name="up")
    upper = draw.conv_norm_act(draw.add(Concat(), upper, stem, name="joined"), 8, name="upper")
    if dropout:
        upper = draw.add(Dropout(dropout), upper, name="drop")
    full = draw.add(Resize("nearest"), upper, IMAGE, name="full")
    head = draw.add(Conv(logits, kernel=3, padding=1, bias=True), full, name="head")
    aside = draw.add(Conv(logits, kernel=1, bias=True), upper, name="aside")
    if pooled:
        found = [draw.add(GlobalPool(), node, name=f"{node}_mean") for node in (head, aside)]
    else:
        found = [head, draw.add(Resize("bilinear"), aside, IMAGE, name="aside_full")]
    return draw.build(found[:outputs])
