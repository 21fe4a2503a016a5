"""What every backend's evaluation must do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...domain.metrics.differences import decisions
from ...domain.metrics.planes import count
from ...domain.samples import Batch, Task
from . import expect
from .subject import LOSS_TOLERANCE, Subject, batch, cross_entropy, lively, plan, small_spec


class _Broken(Exception):
    """What the check's own source of batches fails with."""


def counts_of_images_equal_the_domains_for_any_batching(subject: Subject) -> None:
    """One int64 matrix an image, in order of feeding, ignored pixels left out; nothing left after draining.

    It is (K, K), or (K, 2, 2) of planes.
    """
    for task in Task:
        spec = small_spec(task)
        model, data = subject.model(spec), batch(spec, 5)
        logits = model.logits(data.images)[0]
        pairs = zip(data.labels, decisions(logits, planes=task.planes), strict=True)
        wanted = [count(*pair, len(spec.classes)) for pair in pairs]
        evaluator = subject.backend.evaluator(model)
        for length in (5, 2, 1):
            for fed in evaluator.feed(_parts(data, length)):
                evaluator.tally(fed)
            found = evaluator.drain().counts
            expect.that(len(found) == 5, f"{len(found)} matrices of 5 images in batches of {length}")
            for i, (counts, right) in enumerate(zip(found, wanted, strict=True)):
                expect.that(counts.dtype == np.int64, f"counts of {counts.dtype}, expected int64")
                expect.equal(f"{task.value}, batches of {length}, image {i}", counts, right.counts)
        rest = evaluator.drain()
        expect.that(not rest.counts, "matrices were handed out twice")
        expect.that(rest.losses.shape == (0,), "losses nobody asked for")


def losses_of_validation_equal_the_formula_on_the_logits(subject: Subject) -> None:
    """With a plan: of each image its batch's, outputs weighted, in inference mode, ignored pixels left out."""
    for task in Task:
        spec = small_spec(task)
        model, data = subject.model(spec), batch(spec, 5)
        evaluator = subject.backend.evaluator(model, plan(spec))
        for length in (5, 2):
            wanted: list[float] = []
            for part in _parts(data, length):
                logits = model.logits(part.images)
                loss = sum(w * cross_entropy(z, part.labels) for w, z in zip((1.0, 0.5), logits, strict=True))
                wanted += [loss] * len(part)
            for fed in evaluator.feed(_parts(data, length)):
                evaluator.tally(fed)
            found = evaluator.drain().losses
            expect.that(found.dtype == np.float64, f"losses of {found.dtype}, expected float64")
            expect.close(f"{task.value} losses, batches of {length}", found, np.array(wanted), LOSS_TOLERANCE)
        expect.that(evaluator.drain().losses.shape == (0,), "losses were handed out twice")


def masks_and_probabilities_follow_the_logits(subject: Subject) -> None:
    """The largest logit, or logit > 0; softmax, the two columns of the sigmoid, or of planes a sigmoid each."""
    for task in Task:
        spec = small_spec(task)
        model, data = subject.model(spec), batch(spec)
        z = model.logits(data.images)[0].astype(np.float64)
        z = np.concatenate([np.zeros_like(z), z], axis=-1) if task is Task.BINARY else z
        wanted = 1 / (1 + np.exp(-z)) if task.planes else np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))
        evaluator = subject.backend.evaluator(model)
        for fed in evaluator.feed([data]):
            masks, probabilities = evaluator.masks(fed), evaluator.probabilities(fed)
        expect.that(masks.dtype == np.uint8, f"masks of {masks.dtype}, expected uint8")
        expect.equal(f"{task.value} masks", masks, z > 0 if task.planes else z.argmax(-1))
        expect.that(probabilities.dtype == np.float32, f"probabilities of {probabilities.dtype}, expected float32")
        expect.close(f"{task.value} probabilities", probabilities, wanted, 1e-5)


def equal_logits_go_to_the_first_class(subject: Subject) -> None:
    """With every weight zero all classes tie; a binary logit of zero, or a plane's, is background."""
    for task in Task:
        spec = small_spec(task)
        zeros = {name: np.zeros_like(array) for name, array in lively(spec.graph, 0).items()}
        evaluator = subject.backend.evaluator(subject.with_weights(spec, zeros))
        for fed in evaluator.feed([batch(spec)]):
            expect.that(not evaluator.masks(fed).any(), f"{task.value}: a tie did not go to class 0")


def evaluating_changes_no_weight(subject: Subject) -> None:
    """Running statistics included; and the same batch gives the same result twice, dropout or not."""
    spec = small_spec(dropout=0.5)
    model, data = subject.model(spec), batch(spec)
    evaluator = subject.backend.evaluator(model)
    for fed in evaluator.feed([data]):
        first = evaluator.probabilities(fed)
        evaluator.tally(fed)
        expect.equal("probabilities the second time", evaluator.probabilities(fed), first)
    expect.same_weights("weights after evaluating", model.weights(), lively(spec.graph, 0))


def feeding_keeps_the_order_hands_on_errors_and_closes_its_source(subject: Subject) -> None:
    """However far ahead it reads."""
    spec = small_spec()
    model, data = subject.model(spec), batch(spec, 6)
    evaluator = subject.backend.evaluator(model)
    masks = [evaluator.masks(fed)[0] for fed in evaluator.feed(_parts(data, 1))]
    expect.that(len(masks) == 6, f"{len(masks)} of 6 batches arrived")
    expect.close("masks in order", np.stack(masks), model.logits(data.images)[0].argmax(-1), 0.0)
    expect.raises(_Broken, "a source that fails", lambda: list(evaluator.feed(_failing(data))))
    closed: list[bool] = []
    fed = iter(evaluator.feed(_watched(data, closed)))
    next(fed)
    del fed
    expect.that(closed == [True], "the source was left open when its consumer stopped")


def _parts(data: Batch, length: int) -> list[Batch]:
    return [
        Batch(data.images[i : i + length], data.labels[i : i + length], data.keys[i : i + length])
        for i in range(0, len(data), length)
    ]


def _failing(data: Batch) -> Iterator[Batch]:
    yield data
    raise _Broken


def _watched(data: Batch, closed: list[bool]) -> Iterator[Batch]:
    try:
        while True:
            yield data
    finally:
        closed.append(True)
