"""What every loss formula must do: computed by the reference's operation table, differentiated by every framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from ...domain.architecture.builder import GraphBuilder
from ...domain.architecture.graph import IMAGE
from ...domain.architecture.operations import Conv
from ...domain.arrays import IGNORE
from ...domain.classes import ClassMap
from ...domain.errors import InvalidSpecError
from ...domain.losses.tensor_ops import AnyOps
from ...domain.ports.backend import Backend, Precision
from ...domain.ports.loss import Loss
from ...domain.resampling import Fit
from ...domain.samples import Batch, Task
from ...domain.spec import ModelSpec, Normalisation
from . import expect
from .subject import SIZE, batch, lively, plan

_OUTPUTS = (4, 1)
"""Logits a pixel: of several classes, and of a binary task."""
_STEP = 1e-6
_TOLERANCE = 1e-3

Array = NDArray[Any]


@frozen(eq=False)
class LossSubject:
    """A loss under check.

    Attributes:
        loss: the formula.
        ops: the reference's operation table, which takes float64.
        backends: gives the backends that can train here.
    """

    loss: Loss
    ops: AnyOps
    backends: Callable[[], Sequence[Backend]] = field(default=tuple)

    def __call__(self, scene: Scene) -> Array:
        """The loss of a prediction, as an array of no axes if it is right."""
        return np.asarray(self.loss(self.ops, scene.logits, scene.truth, scene.valid))

    def scenes(self) -> list[Scene]:
        """One of each task that the loss does not refuse. Raises its refusal when there is none."""
        return [scene for scene, refusal in self.tried() if not refusal]

    def tried(self) -> list[tuple[Scene, InvalidSpecError | None]]:
        """One scene of each number of logits, and what the loss refused it with."""
        return [(scene, _refusal(self, scene)) for scene in map(_scene, _OUTPUTS)]


@frozen(eq=False)
class Scene:
    """Logits (N, H, W, K) float64, true classes, and where they count."""

    logits: Array
    truth: Array
    valid: Array


def a_task_is_done_or_refused_with_a_reason(subject: LossSubject) -> None:
    """InvalidSpecError is the one way to refuse: a single logit, or several. One of them is done."""
    refusals = [refusal for _, refusal in subject.tried() if refusal]
    expect.that(len(refusals) < len(_OUTPUTS), f"it refuses every task: {refusals[-1:]}")
    for refusal in refusals:
        expect.that(bool(refusal.message and refusal.fix), f"{refusal!r} does not say what to use instead")


def its_value_is_one_finite_number(subject: LossSubject) -> None:
    """A scalar of the logits' dtype."""
    for scene in subject.scenes():
        value = subject(scene)
        expect.that(value.shape == (), f"a value of shape {value.shape}, expected a scalar")
        expect.that(value.dtype == scene.logits.dtype, f"a value of {value.dtype} for logits of {scene.logits.dtype}")
        expect.that(bool(np.isfinite(value)), f"a value of {value}")


def the_same_prediction_costs_the_same_again(subject: LossSubject) -> None:
    """It keeps nothing between calls."""
    for scene in subject.scenes():
        expect.equal("the second value", subject(scene), subject(scene))


def ignored_pixels_change_nothing(subject: LossSubject) -> None:
    """Whatever is predicted there, and whatever stands in the truth."""
    for scene in subject.scenes():
        other = np.random.default_rng(1).normal(0, 20, scene.logits.shape)
        logits = np.where(scene.valid[..., None], scene.logits, other)
        truth = np.where(scene.valid, scene.truth, scene.truth[:, ::-1])
        changed = evolve(scene, logits=logits, truth=truth)
        expect.close("the value with other ignored pixels", subject(changed), subject(scene), 1e-12)


def without_a_pixel_that_counts_it_is_zero(subject: LossSubject) -> None:
    """And no NaN of a division by nothing."""
    for scene in subject.scenes():
        value = subject(evolve(scene, valid=np.zeros_like(scene.valid)))
        expect.that(float(value) == 0.0, f"{value} of no pixel at all, expected 0")


def the_order_of_pixels_does_not_matter(subject: LossSubject) -> None:
    """Those of an image can be shuffled."""
    for scene in subject.scenes():
        order = np.random.default_rng(2).permutation(scene.truth[0].size)
        shuffled = Scene(*(_shuffled(array, order) for array in (scene.logits, scene.truth, scene.valid)))
        expect.close("the value of shuffled pixels", subject(shuffled), subject(scene), 1e-9)


def a_perfect_prediction_costs_less_than_a_wrong_one(subject: LossSubject) -> None:
    """Sure and right everywhere, against sure and wrong everywhere."""
    for scene in subject.scenes():
        classes = max(scene.logits.shape[-1], 2)
        right = float(subject(evolve(scene, logits=_sure(scene, scene.truth))))
        wrong = float(subject(evolve(scene, logits=_sure(scene, (scene.truth + 1) % classes))))
        expect.that(right < wrong, f"{right:.6g} for the truth itself, {wrong:.6g} for the opposite")


def huge_logits_cost_a_finite_number(subject: LossSubject) -> None:
    """In float32, right or wrong."""
    for scene in subject.scenes():
        for factor in (1e4, -1e4):
            logits = (scene.logits * factor).astype(np.float32)
            value = subject(evolve(scene, logits=logits))
            expect.that(bool(np.isfinite(value)), f"{value} for logits of up to {np.abs(logits).max():.0f}")


def every_framework_gives_the_value_and_the_slope_of_the_formula(subject: LossSubject) -> None:
    """One step of plain descent moves weights by the finite differences of the formula, in all backends that train."""
    backends = subject.backends()
    if not backends:
        raise expect.Lacking("a backend that trains, such as torch or tensorflow")
    spec = _pixelwise(subject.scenes()[0].logits.shape[-1])
    data, weights = batch(spec, 2), lively(spec.graph, 0)
    value, slopes = _differences(subject, spec, data, weights)
    for backend in backends:
        model = backend.build(spec, weights, device=backend.devices()[-1].name, precision=Precision.FP32)
        session = backend.trainer(model, plan(spec, loss=subject.loss))
        for fed in session.feed([data]):
            session.step(fed, 1.0)
        expect.close(f"the loss in {backend.name}", session.drain().losses, np.array([value]), _TOLERANCE)
        moved = {name: weights[name] - array for name, array in model.weights().items()}
        session.close()
        found, wanted = (np.concatenate([part[n].ravel() for n in weights]) for part in (moved, slopes))
        expect.close(f"the slope in {backend.name}", found, wanted, _TOLERANCE)


def _scene(outputs: int) -> Scene:
    generator = np.random.default_rng(outputs)
    shape = (2, 5, 6)
    truth = generator.integers(0, max(outputs, 2), shape)
    return Scene(generator.normal(0, 2, (*shape, outputs)), truth, generator.random(shape) < 0.8)


def _refusal(subject: LossSubject, scene: Scene) -> InvalidSpecError | None:
    try:
        subject(scene)
    except InvalidSpecError as error:
        return error
    return None


def _shuffled(array: Array, order: Array) -> Array:
    flat = array.reshape(array.shape[0], -1, *array.shape[3:])
    return flat[:, order].reshape(array.shape)


def _sure(scene: Scene, prediction: Array) -> Array:
    outputs = scene.logits.shape[-1]
    hits = prediction[..., None] == (np.arange(outputs) if outputs > 1 else 1)
    return np.where(hits, 8.0, -8.0)


def _pixelwise(outputs: int) -> ModelSpec:
    """One 1x1 convolution: logits are linear in its weights."""
    draw = GraphBuilder(3)
    graph = draw.build([draw.add(Conv(outputs, kernel=1, bias=True), IMAGE, name="head")])
    task = Task.BINARY if outputs == 1 else Task.MULTICLASS
    classes = ClassMap.of([f"class {i}" for i in range(max(outputs, 2))])
    return ModelSpec(graph, classes, task, Normalisation((0.5,) * 3, (0.25,) * 3), Fit.NATIVE, SIZE, "conformance")


def _differences(
    subject: LossSubject, spec: ModelSpec, data: Batch, weights: dict[str, NDArray[np.float32]]
) -> tuple[float, dict[str, Array]]:
    """The loss, and its slope along every weight, in float64."""
    image = (data.images / 255 - np.array(spec.normalisation.mean)) / np.array(spec.normalisation.std)
    valid = data.labels != IGNORE
    truth = np.where(valid, data.labels, 0).astype(np.int64)
    at = {name: array.astype(np.float64) for name, array in weights.items()}

    def value() -> float:
        logits = image @ at["head.weight"][:, :, 0, 0].T + at["head.bias"]
        return float(subject(Scene(logits, truth, valid)))

    slopes = {name: np.zeros_like(array) for name, array in at.items()}
    for name, array in at.items():
        for place in np.ndindex(array.shape):
            kept, sides = array[place], []
            for side in (_STEP, -_STEP):
                array[place] = kept + side
                sides.append(value())
            array[place] = kept
            slopes[name][place] = (sides[0] - sides[1]) / (2 * _STEP)
    return value(), slopes


CHECKS = (
    a_task_is_done_or_refused_with_a_reason,
    its_value_is_one_finite_number,
    the_same_prediction_costs_the_same_again,
    ignored_pixels_change_nothing,
    without_a_pixel_that_counts_it_is_zero,
    the_order_of_pixels_does_not_matter,
    a_perfect_prediction_costs_less_than_a_wrong_one,
    huge_logits_cost_a_finite_number,
    every_framework_gives_the_value_and_the_slope_of_the_formula,
)
