"""Promises of schedules, and of the values that a resume brings back."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segport.domain.training.optimizers import Adam, AdamW, Sgd, clip_by_norm, mean_gradient
from segport.domain.training.plateau import Plateau
from segport.domain.training.schedules import (
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    WarmUp,
)
from segport.domain.training.selection import Best
from segport.domain.training.stopping import EarlyStopping

parts = st.floats(0.0, 1.0)
factors = st.floats(0.01, 1.0)
epochs = st.floats(0.1, 50.0)
falling = st.one_of(
    st.just(Constant()),
    st.builds(Exponential, factors, epochs),
    st.builds(Step, epochs, factors),
    st.builds(MultiStep, st.lists(epochs, min_size=1, max_size=4, unique=True).map(sorted), factors),
    st.builds(Polynomial, st.floats(0.1, 4.0), parts),
    st.builds(Cosine, parts),
)
smooth = st.one_of(
    st.just(Constant()),
    st.builds(Exponential, st.floats(0.2, 1.0), st.floats(1.0, 50.0)),
    st.builds(Polynomial, st.floats(1.0, 4.0), parts),
    st.builds(Cosine, parts),
    st.builds(OneCycle, st.floats(0.1, 0.9), parts, parts),
)
any_schedule = st.one_of(falling, st.builds(OneCycle, st.floats(0.01, 0.99), parts, parts))
runs = st.tuples(st.integers(1, 12), st.integers(1, 12))
scores = st.lists(st.one_of(st.sampled_from([0.0, 0.1, 0.5, float("nan")]), st.floats(0, 1)), max_size=12)
modes = st.sampled_from(["max", "min"])


def rates(schedule, run):
    count, per_epoch = run
    return [schedule.rate(step, count * per_epoch, per_epoch) for step in range(count * per_epoch)]


@given(any_schedule, runs, st.integers(0, 30))
def test_rates_are_never_negative_and_never_above_the_base(schedule, run, warm_up):
    assert all(0.0 <= rate <= 1.0 for rate in rates(WarmUp(schedule, warm_up), run))


@given(falling, runs)
def test_rates_never_rise_and_start_at_the_base(schedule, run):
    found = rates(schedule, run)
    assert found[0] == pytest.approx(1.0)
    assert all(a >= b - 1e-12 for a, b in pairwise(found))


@given(any_schedule, runs, st.integers(0, 100))
def test_after_the_run_the_rate_stays(schedule, run, more):
    count, per_epoch = run
    total = count * per_epoch
    assert schedule.rate(total + more, total, per_epoch) == schedule.rate(total, total, per_epoch)


@given(smooth)
def test_smooth_schedules_do_not_jump(schedule):
    found = rates(schedule, (20, 50))
    assert max(abs(a - b) for a, b in pairwise(found)) < 0.04


@given(st.builds(OneCycle, st.floats(0.05, 0.9), parts, parts), st.integers(30, 200))
def test_one_cycle_rises_then_falls(schedule, total):
    found = [schedule.rate(step, total, 10) for step in range(total)]
    top = int(np.argmax(found))
    assert all(a <= b + 1e-12 for a, b in pairwise(found[: top + 1]))
    assert all(a >= b - 1e-12 for a, b in pairwise(found[top:]))
    assert found[-1] == pytest.approx(schedule.end)


@given(any_schedule, runs, st.integers(1, 30))
def test_warm_up_is_a_line_below_its_schedule(schedule, run, steps):
    plain, warm = rates(schedule, run), rates(WarmUp(schedule, steps), run)
    assert warm[steps:] == plain[steps:]
    assert warm[:steps] == pytest.approx([rate * (i + 1) / steps for i, rate in enumerate(plain[:steps])])


def through_json(value):
    return type(value).from_data(json.loads(json.dumps(value.to_data(), allow_nan=False)))


@given(scores, scores, st.integers(0, 3), parts, modes)
def test_stopping_and_plateau_resume_where_they_were(before, later, patience, min_delta, mode):
    for value in (
        EarlyStopping(patience, min_delta, mode),
        Plateau(0.5, patience, min_delta, cooldown=1, floor=0.2, mode=mode),
    ):
        whole = cut = value
        for score in before:
            whole, cut = whole.observe(score), cut.observe(score)
        cut = through_json(cut)
        assert cut == whole
        for score in later:
            whole, cut = whole.observe(score), cut.observe(score)
        assert cut == whole


@given(scores, modes)
def test_the_best_is_the_first_of_the_extremes(found, mode):
    best = Best(mode)
    for epoch, score in enumerate(found, start=1):
        best = through_json(best.observe(epoch, score))
    if all(np.isnan(found)):
        assert best.epoch == 0
    else:
        extreme = (np.nanmax if mode == "max" else np.nanmin)(found)
        assert best.score == extreme
        assert best.epoch == found.index(extreme) + 1


@given(scores, st.integers(1, 4))
def test_stopping_counts_validations_since_the_last_improvement(found, patience):
    stopping, since, best = EarlyStopping(patience), 0, None
    for score in found:
        stopping = stopping.observe(score)
        better = not np.isnan(score) and (best is None or score > best)
        since, best = (0, score) if better else (since + 1, best)
        assert stopping.stop == (since >= patience)


@settings(deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100.0))
def test_clipping_keeps_the_direction_and_the_limit(seed, limit):
    random = np.random.default_rng(seed)
    gradients = {"a": random.normal(size=(3, 2)).astype(np.float32), "b": random.normal(size=4).astype(np.float32)}
    clipped = clip_by_norm(gradients, limit)
    flat, flat_clipped = (np.concatenate([g.ravel() for g in each.values()]) for each in (gradients, clipped))
    assert np.linalg.norm(flat_clipped) <= min(limit, np.linalg.norm(flat)) * (1 + 1e-5)
    cosine = flat @ flat_clipped / np.linalg.norm(flat) / np.linalg.norm(flat_clipped)
    assert cosine == pytest.approx(1.0, abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 999), st.sampled_from([Sgd(), Sgd(nesterov=True), Adam(), AdamW()]))
def test_optimizers_go_down_a_bowl(seed, optimizer):
    weight = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
    start, slots = np.abs(weight).max(), {slot: np.zeros_like(weight) for slot in optimizer.slots}
    for step in range(1, 301):
        weight, slots = optimizer.update(weight, weight, slots, step, 0.03)
    assert np.abs(weight).max() < 0.1 * start + 0.02


@given(st.integers(0, 999), st.integers(1, 4))
def test_the_mean_gradient_of_equal_batches_is_theirs(seed, count):
    gradient = np.random.default_rng(seed).normal(size=5).astype(np.float32)
    np.testing.assert_allclose(mean_gradient([{"w": gradient}] * count)["w"], gradient, rtol=1e-6)
