"""The loss of validation over a source of real batches: padding, short batches, ignored pixels. By the reference."""

from __future__ import annotations

import numpy as np
import pytest

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.reference.backend import ReferenceBackend
from segport.application.training.loop import count_all
from segport.domain.arrays import IGNORE
from segport.domain.ports.dataset import ViewingPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Sample
from segport.plugins.conformance.subject import cross_entropy, lively, pixelwise_spec, plan

SPEC = pixelwise_spec()
MODEL = ReferenceBackend().build(SPEC, lively(SPEC.graph, 0))


def samples(sizes: list[tuple[int, int]]) -> list[Sample]:
    rng = np.random.default_rng(1)
    found = []
    for i, size in enumerate(sizes):
        labels = rng.choice([0, 1, 2, 3, IGNORE], size).astype(np.uint8)
        found.append(Sample(str(i), rng.integers(0, 256, (*size, 3), np.uint8), labels))
    return found


def measured(source: list[Sample], batch: int) -> tuple[list[float], float]:
    viewing = ViewingPlan(Fit.NATIVE, (8, 8), 8, batch, 1)
    tally = count_all(ReferenceBackend().evaluator(MODEL, plan(SPEC)), ThreadBatcher().viewing(source, viewing))
    return tally.losses.tolist(), tally.mean_loss


def by_hand(group: list[Sample]) -> float:
    """Over the pixels of the images themselves: each depends on itself alone in this model."""
    logits = [MODEL.logits(sample.image[None])[0].reshape(-1, 4) for sample in group]
    labels = np.concatenate([sample.labels.ravel() for sample in group])
    return cross_entropy(np.concatenate(logits), labels)


def test_padding_counts_nowhere() -> None:
    source = samples([(5, 7), (8, 3), (1, 1)])
    losses, _ = measured(source, 3)
    assert losses == pytest.approx([by_hand(source)] * 3, rel=1e-5)


def test_a_short_last_batch_weighs_as_much_as_its_images() -> None:
    source = samples([(6, 8)] * 5)
    losses, mean = measured(source, 2)
    first, second, last = (by_hand(source[i : i + 2]) for i in (0, 2, 4))
    assert losses == pytest.approx([first, first, second, second, last], rel=1e-5)
    assert mean == pytest.approx((2 * first + 2 * second + last) / 5, rel=1e-5)
    assert mean != pytest.approx((first + second + last) / 3, rel=1e-5)


def test_an_image_of_ignored_pixels_alone_is_not_taken_for_one_without_loss() -> None:
    source = samples([(6, 8)] * 2)
    source.append(Sample("void", source[0].image, np.full((6, 8), IGNORE, np.uint8)))
    losses, mean = measured(source, 1)
    assert losses[2] == 0
    assert mean == pytest.approx(np.mean(losses[:2]))
