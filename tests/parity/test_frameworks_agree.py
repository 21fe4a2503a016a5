"""torch and TensorFlow from the same weights on the same batches: logits, losses, gradients, training, evaluation."""

# ruff: noqa: E402 - imports come after asking whether both frameworks are installed

from importlib.util import find_spec
from pathlib import Path

import attrs
import numpy as np
import pytest

for needed in ("torch", "tensorflow"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

import tensorflow as tf
import torch

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.data.codec import PictureCodec
from segport.adapters.reference.model import NumpyModel
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.adapters.tensorflow.backend import TensorflowBackend
from segport.adapters.tensorflow.loss import OPS as TENSORFLOW
from segport.adapters.torch.backend import TorchBackend
from segport.adapters.torch.loss import OPS as TORCH
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18, ResNet50
from segport.domain.architecture.unet import UNet
from segport.domain.architecture.weights import Weights, initialise
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.classes import ClassMap
from segport.domain.losses.catalogue import LOSSES
from segport.domain.losses.combined import CeDice
from segport.domain.ports.backend import Precision, StepPlan, StepTally, TrainState
from segport.domain.ports.dataset import TrainingPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Task
from segport.domain.spec import ModelSpec, Normalisation
from segport.domain.training.optimizers import Adam, AdamW, Sgd
from segport.plugins.conformance.subject import batch, lively, plan, small_spec, train

TOLERANCE = 1e-4
BACKENDS = {"torch": TorchBackend, "tensorflow": TensorflowBackend}


def unet(encoder, *, deep: bool = False, classes: int = 3) -> ModelSpec:
    decoder = (32, 16, 16, 8, 8)[1 - encoder.depth :] if isinstance(encoder, Plain) else (32, 16, 16, 8, 8)
    graph = UNet(decoder, deep_supervision=deep).graph(channels=3, outputs=classes, encoder=encoder)
    names = ClassMap.of([f"class {i}" for i in range(classes)])
    return ModelSpec(graph, names, Task.MULTICLASS, Normalisation((0.4,) * 3, (0.25,) * 3), Fit.NATIVE, (64, 64))


def build(name: str, spec: ModelSpec, weights):
    return BACKENDS[name]().build(spec, weights, device="cpu", precision=Precision.FP32)


def session_of(name: str, spec: ModelSpec, state: TrainState | None = None, **changes):
    model = build(name, spec, lively(spec.graph, 0))
    outputs = (1.0, *[0.5] * (len(spec.graph.outputs) - 1))
    session = BACKENDS[name]().trainer(model, attrs.evolve(StepPlan(CeDice(), outputs, AdamW()), **changes))
    if state is not None:
        session.restore(state)
    return session


def assert_close(found: np.ndarray, wanted: np.ndarray, what: str = "") -> None:
    assert found.shape == wanted.shape
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    assert float(np.abs(found - wanted).max(initial=0)) <= TOLERANCE * scale, what


def apart(some: Weights, others: Weights) -> float:
    """The largest difference of any tensor's values, divided by max(1, that tensor's largest)."""
    return max(float(np.abs(some[n] - w).max() / max(1.0, np.abs(w).max())) for n, w in others.items())


def assert_same_state(found: TrainState, wanted: TrainState) -> None:
    assert found.step == wanted.step
    for some, others in ((found.weights, wanted.weights), (found.slots, wanted.slots)):
        assert set(some) == set(others)
        for name in others:
            assert_close(some[name], others[name], what=name)


@pytest.mark.parametrize("deep", [False, True], ids=["one output", "deep supervision"])
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("encoder", [Plain(width=8), ResNet18(), ResNet50()], ids=["plain", "resnet18", "resnet50"])
def test_logits_agree_with_each_other_and_with_the_reference(encoder, training: bool, deep: bool) -> None:
    spec = unet(encoder, deep=deep)
    assert (len(spec.graph.outputs) > 1) == deep
    weights = lively(spec.graph, 1)
    images = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    wanted = NumpyModel(spec, weights, np.float64).logits(images, training=training)
    both = [build(name, spec, weights).logits(images, training=training) for name in BACKENDS]
    for one, other, right in zip(*both, wanted, strict=True):
        assert_close(one, other)
        assert_close(other, right)


@pytest.mark.parametrize(
    ("name", "classes"), [(name, k) for name in LOSSES for k in (1, 3) if (name, k) != ("lovasz-hinge", 3)]
)
def test_a_loss_has_one_value_and_one_gradient(name: str, classes: int) -> None:
    generator = np.random.default_rng(classes)
    logits = generator.normal(0, 3, (2, 5, 4, classes)).astype(np.float32)
    truth = generator.integers(0, max(2, classes), logits.shape[:-1])
    valid = generator.random(truth.shape) < 0.8
    loss = LOSSES[name]()
    there = torch.from_numpy(logits).requires_grad_()
    value = loss(TORCH, there, torch.from_numpy(truth), torch.from_numpy(valid))
    value.backward()
    here = tf.constant(logits)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, classes))])
    def differentiated(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            result = loss(TENSORFLOW, z, tf.constant(truth, tf.int32), tf.constant(valid))
        return result, tape.gradient(result, z)

    found, gradient = differentiated(here)
    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(float(value.detach()), rel=1e-5)
    assert there.grad is not None
    assert float(there.grad.abs().max()) > 0
    np.testing.assert_allclose(gradient.numpy(), there.grad.numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": Sgd(momentum=0.9)},
        {"optimizer": Sgd(momentum=0.8, nesterov=True, weight_decay=0.01)},
        {"optimizer": Adam(weight_decay=0.01)},
        {"optimizer": AdamW(weight_decay=0.1), "clip_norm": 0.5},
        {"optimizer": Sgd(), "accumulate": 2},
    ],
    ids=["momentum", "nesterov", "adam", "adamw clipped", "accumulated"],
)
def test_five_updates_leave_the_same_weights_and_slots(changes) -> None:
    spec = small_spec()
    batches = [batch(spec, seed=i) for i in range(5 * changes.get("accumulate", 1))]
    states, tallies = [], []
    for name in BACKENDS:
        session = session_of(name, spec, **changes)
        train(session, batches, 0.01)
        states.append(session.snapshot())
        tallies.append(session.drain())
    assert states[0].step == 5
    assert_same_state(*states)
    assert_close(tallies[0].losses, tallies[1].losses)


def test_an_epoch_of_a_small_unet_leaves_the_same_state_and_counts() -> None:
    spec = unet(Plain(width=8, depth=3), deep=True)
    batches = [batch(spec, 4, (32, 32), seed=i) for i in range(8)]
    results = []
    for name in BACKENDS:
        session = session_of(name, spec, optimizer=Sgd())
        train(session, batches, 0.05)
        results.append((session.snapshot(), session.drain()))
    (one, tally), (other, other_tally) = results
    assert_same_state(one, other)
    assert_close(tally.losses, other_tally.losses)
    assert tally.losses[-1] < tally.losses[0]
    assert np.abs(tally.counts - other_tally.counts).sum() <= 4  # a tie or two
    assert tally.counts.sum() == other_tally.counts.sum() > 0


def epoch(name: str, spec: ModelSpec, weights: Weights, steps: int) -> tuple[StepTally, TrainState]:
    """A short epoch from ``weights``, as the recipe would train: with the gradient clipped."""
    session = BACKENDS[name]().trainer(
        build(name, spec, weights), StepPlan(CeDice(), (1.0, *[0.5] * (len(spec.graph.outputs) - 1)), Sgd(), 1.0)
    )
    train(session, [batch(spec, 4, (64, 64), seed=i) for i in range(steps)], 1e-3)
    return session.drain(), session.snapshot()


@pytest.mark.parametrize("encoder", [Plain(width=8), ResNet18()], ids=["plain", "resnet18"])
def test_an_epoch_of_a_unet_leaves_the_same_weights_and_counts(encoder) -> None:
    spec = unet(encoder, deep=True)
    first = initialise(spec.graph, 0)
    (tally, one), (other_tally, other) = (epoch(name, spec, first, steps=8) for name in BACKENDS)
    assert apart(one.weights, other.weights) <= TOLERANCE
    assert apart(one.weights, first) > 20 * apart(one.weights, other.weights)  # something was learnt
    assert_close(tally.losses, other_tally.losses)
    assert tally.counts.sum() == other_tally.counts.sum() > 0
    assert np.abs(tally.counts - other_tally.counts).sum() <= TOLERANCE * tally.counts.sum()  # a tie or two


def test_an_epoch_of_a_deep_unet_differs_no_more_than_rounding_alone_would_make_it() -> None:
    """At random weights and small images, fifty layers of batch norm carry a rounding far in a few updates.

    So the yardstick is one framework against itself, from first weights that are half a unit in the last place away.
    """
    spec = unet(ResNet50(), deep=True)
    first = initialise(spec.graph, 0)
    signs = np.random.default_rng(0)
    rounded = {n: (w * (1 + 6e-8 * signs.choice([-1, 1], w.shape))).astype(np.float32) for n, w in first.items()}
    (tally, one), (other_tally, other) = (epoch(name, spec, first, steps=4) for name in BACKENDS)
    _, noisy = epoch("torch", spec, rounded, steps=4)
    assert tally.losses[0] == pytest.approx(other_tally.losses[0], rel=1e-6)
    assert apart(one.weights, other.weights) <= max(TOLERANCE, 3 * apart(one.weights, noisy.weights))
    assert apart(one.weights, first) > 20 * apart(one.weights, other.weights)


def test_both_are_fed_the_same_bytes_in_the_same_order(prepared: Path) -> None:
    source = DatasetFolders(PictureCodec()).open(prepared).split("train")
    fed: dict[str, list[object]] = {}
    for name, workers in zip(BACKENDS, (1, 3), strict=True):
        plan = TrainingPlan((48, 48), 3, 5, Fit.NATIVE, AugmentationPolicy.strong(), workers)
        batches = ThreadBatcher().training(source, plan)
        session = session_of(name, small_spec())
        for epoch in (0, 1):
            for images in session.feed(batches.batches(epoch)):
                fed.setdefault(name, []).append(
                    (np.asarray(images.images).tobytes(), np.asarray(images.labels).tobytes())
                )
    one, other = fed.values()
    assert one == other
    assert len(set(one)) == len(one) > 2


@pytest.mark.parametrize(("first", "second"), [("torch", "tensorflow"), ("tensorflow", "torch")])
def test_weights_of_one_are_evaluated_by_the_other(first: str, second: str) -> None:
    spec = small_spec()
    session = session_of(first, spec)
    train(session, [batch(spec, seed=i) for i in range(3)], 0.01)
    weights, data = session.snapshot().weights, batch(spec, 6, (40, 32), seed=9)
    found, losses, logits = [], [], []
    for name in (first, second):
        model = build(name, spec, weights)
        evaluator = BACKENDS[name]().evaluator(model, plan(spec))
        for fed in evaluator.feed([data]):
            evaluator.tally(fed)
        tally = evaluator.drain()
        found.append(np.stack(tally.counts))
        losses.append(tally.losses)
        logits.append(model.logits(data.images)[0])
    assert_close(*logits)
    assert_close(*losses)
    top = np.sort(logits[0], -1)
    ties = int((top[..., -1] - top[..., -2] < TOLERANCE).sum())
    assert np.abs(found[0] - found[1]).sum() <= 2 * ties
    assert found[0].sum() == (data.labels != 255).sum()


@pytest.mark.parametrize("optimizer", [Sgd(), AdamW()], ids=["sgd", "adamw"])
@pytest.mark.parametrize(("first", "second"), [("torch", "tensorflow"), ("tensorflow", "torch")])
def test_a_run_of_one_is_resumed_by_the_other(first: str, second: str, optimizer) -> None:
    spec = small_spec()
    batches = [batch(spec, seed=i) for i in range(6)]
    uninterrupted = session_of(first, spec, optimizer=optimizer)
    train(uninterrupted, batches, 0.01)
    begun = session_of(first, spec, optimizer=optimizer)
    train(begun, batches[:3], 0.01)
    resumed = session_of(second, spec, begun.snapshot(), optimizer=optimizer)
    train(resumed, batches[3:], 0.01)
    assert_close(resumed.drain().losses, uninterrupted.drain().losses[3:])
    assert_same_state(resumed.snapshot(), uninterrupted.snapshot())
