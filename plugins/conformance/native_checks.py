"""What an architecture must do that is one framework's own code: no reference knows what is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from attrs import field, frozen

from ...domain.architecture.encoders.plain import Plain
from ...domain.architecture.graph import Graph
from ...domain.architecture.weights import Weights
from ...domain.classes import ClassMap
from ...domain.errors import InvalidSpecError
from ...domain.ports.backend import Backend, Capability, Precision, TrainSession, WithNatives
from ...domain.ports.model import Encoder, Model, NativeArchitecture
from ...domain.resampling import Fit
from ...domain.samples import Batch, Task
from ...domain.spec import ModelSpec, Normalisation
from ...domain.training.optimizers import Adam
from . import expect
from .graph_checks import OF_ANY_ARCHITECTURE
from .subject import batch, plan, train
from .training_checks import RESUME_TOLERANCE

_RATE = 3e-3
_STEPS = 20
_FALL = 0.9


@frozen(eq=False)
class NativeSubject:
    """A native architecture under check, the backend that runs it, and the others that are here."""

    architecture: NativeArchitecture
    framework: str
    backend: Backend
    others: tuple[Backend, ...]
    encoder: Encoder = field(factory=lambda: Plain(width=4))

    def draw(self, channels: int = 3, outputs: int = 4) -> Graph:
        """Its graph."""
        return self.architecture.graph(channels=channels, outputs=outputs, encoder=self.encoder)

    def spec(self) -> ModelSpec:
        """A model of four classes."""
        graph = self.draw()
        classes = ClassMap.of(["sky", "sea", "land", "ice"])
        normalisation = Normalisation((0.45, 0.5, 0.4), (0.25, 0.2, 0.3))
        size = (2 * graph.stride, 3 * graph.stride)
        return ModelSpec(graph, classes, Task.MULTICLASS, normalisation, Fit.NATIVE, size)

    def first_weights(self, spec: ModelSpec, seed: int = 0) -> Weights:
        """What training begins with."""
        expect.that(isinstance(self.backend, WithNatives), f"{self.backend.name} runs no native models")
        assert isinstance(self.backend, WithNatives)
        return self.backend.first_weights(spec.graph, seed)

    def model(self, spec: ModelSpec, weights: Weights | None = None) -> Model:
        """A float32 model with these weights, or its first."""
        return self.backend.build(spec, weights or self.first_weights(spec), precision=Precision.FP32)

    @contextmanager
    def training(self, model: Model) -> Iterator[TrainSession]:
        """A session by Adam."""
        session = self.backend.trainer(model, plan(model.spec, optimizer=Adam()))
        try:
            yield session
        finally:
            session.close()


def its_graph_is_native_to_the_framework_it_is_offered_for(subject: NativeSubject) -> None:
    """Its entry says so before it is loaded, and its graph afterwards."""
    native = subject.draw().native
    found = native.framework if native else "none"
    expect.that(found == subject.framework, f"native to {found}, and offered for {subject.framework}")


def first_weights_follow_from_the_seed(subject: NativeSubject) -> None:
    """And another seed gives others."""
    spec = subject.spec()
    first, again, other = (subject.first_weights(spec, seed) for seed in (1, 1, 2))
    expect.same_weights("the first weights of one seed", again, first)
    differ = any(not np.array_equal(first[name], other[name]) for name in first)
    expect.that(differ, "two seeds have the same first weights")


def its_framework_computes_it_and_it_sees_the_image(subject: NativeSubject) -> None:
    """Finite logits of the image's size, for sizes and batches of any kind, not the same for different images."""
    spec = subject.spec()
    model = subject.model(spec)
    stride = spec.graph.stride
    for count, height, width in ((2, 2 * stride, 3 * stride), (1, 3 * stride, 2 * stride)):
        images = np.random.default_rng(0).integers(0, 256, (count, height, width, 3)).astype(np.uint8)
        (logits,) = model.logits(images)
        expect.that(logits.shape == (count, height, width, 4), f"logits of shape {logits.shape} for {images.shape}")
        expect.that(bool(np.isfinite(logits).all()), "not all logits are finite")
        expect.that(count == 1 or not np.array_equal(logits[0], logits[-1]), "two images have the same logits")


def all_that_its_logits_depend_on_is_stored(subject: NativeSubject) -> None:
    """A model that is made anew and given the weights of a trained one has its logits."""
    spec = subject.spec()
    data, model = _batch(spec), subject.model(spec)
    with subject.training(model) as session:
        train(session, [data] * 3, _RATE)
    (wanted,) = model.logits(data.images)
    (found,) = subject.model(spec, model.weights()).logits(data.images)
    expect.close("logits of a model made anew", found, wanted, 1e-5)


def an_interrupted_training_goes_on_as_if_it_had_not_been(subject: NativeSubject) -> None:
    """From a snapshot, in a model made anew: the same losses and weights."""
    spec = subject.spec()
    batches = [_batch(spec, seed) for seed in range(4)]
    with subject.training(subject.model(spec)) as session:
        train(session, batches[:2], _RATE)
        session.drain()
        state = session.snapshot()
        train(session, batches[2:], _RATE)
        wanted, losses = session.snapshot(), session.drain().losses
    with subject.training(subject.model(spec)) as session:
        session.restore(state)
        train(session, batches[2:], _RATE)
        found, again = session.snapshot(), session.drain().losses
    if Capability.DETERMINISTIC in subject.backend.capabilities:
        expect.equal("losses after the interruption", again, losses)
        expect.same_weights("after the interruption", found.weights, wanted.weights)
    expect.close("losses after the interruption", again, losses, RESUME_TOLERANCE)
    for name, array in wanted.weights.items():
        expect.close(f"{name} after the interruption", found.weights[name], array, RESUME_TOLERANCE)


def it_learns(subject: NativeSubject) -> None:
    """One batch, by heart: its loss falls by a tenth, which dropout alone does not do."""
    spec = subject.spec()
    with subject.training(subject.model(spec)) as session:
        train(session, [_batch(spec)] * _STEPS, _RATE)
        losses = session.drain().losses
    expect.that(bool(np.isfinite(losses).all()), f"losses of {losses}")
    first, last = losses[: _STEPS // 4].mean(), losses[-_STEPS // 4 :].mean()
    expect.that(last < _FALL * first, f"a loss of {first:.4f} at first, and of {last:.4f} after {_STEPS} steps")


def other_backends_refuse_it_by_name(subject: NativeSubject) -> None:
    """Before they compute anything, and say what runs it."""
    spec = subject.spec()
    weights = subject.first_weights(spec)
    for backend in subject.others:
        try:
            backend.build(spec, weights)
        except InvalidSpecError as error:
            told = subject.framework in str(error)
            expect.that(told, f"{backend.name} does not name {subject.framework}: {error}")
        else:
            raise expect.CheckFailed(f"{backend.name} builds it, though it is native to {subject.framework}")


def _batch(spec: ModelSpec, seed: int = 0) -> Batch:
    return batch(spec, count=2, size=spec.size, seed=seed)


CHECKS = (
    *OF_ANY_ARCHITECTURE,
    its_graph_is_native_to_the_framework_it_is_offered_for,
    first_weights_follow_from_the_seed,
    its_framework_computes_it_and_it_sees_the_image,
    all_that_its_logits_depend_on_is_stored,
    an_interrupted_training_goes_on_as_if_it_had_not_been,
    it_learns,
    other_backends_refuse_it_by_name,
)
