"""Schedules against torch's where torch has the same one, and what their options refuse."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from segport.domain.errors import InvalidSpecError
from segport.domain.training.plateau import Plateau
from segport.domain.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    WarmUp,
)

BASE = 0.4


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)


def torch_rates(make, count, *scores):
    theirs = optimizer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wants optimizer steps in between
        scheduler = make(theirs)
        rates = []
        for i in range(count):
            rates.append(theirs.param_groups[0]["lr"] / BASE)
            scheduler.step(*(score[i] for score in scores))
    return rates


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (Exponential(0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        (Step(3, 0.5), lambda o: lr_scheduler.StepLR(o, 3, 0.5)),
        (MultiStep((2, 5, 9), 0.3), lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 9], 0.3)),
    ],
    ids=["exponential", "step", "multi-step"],
)
def test_rates_by_epoch_are_torchs(ours, make):
    per_epoch = 7
    rates = [ours.rate(epoch * per_epoch, 12 * per_epoch, per_epoch) for epoch in range(12)]
    assert rates == pytest.approx(torch_rates(make, 12))


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (Polynomial(0.9), lambda o: lr_scheduler.PolynomialLR(o, 40, 0.9)),
        (Cosine(0.25), lambda o: lr_scheduler.CosineAnnealingLR(o, 40, BASE * 0.25)),
        (OneCycle(), lambda o: lr_scheduler.OneCycleLR(o, BASE, total_steps=40, cycle_momentum=False)),
        (
            OneCycle(0.6, 0.5, 0.01),
            lambda o: lr_scheduler.OneCycleLR(
                o, BASE, total_steps=40, pct_start=0.6, div_factor=2, final_div_factor=50, cycle_momentum=False
            ),
        ),
    ],
    ids=["polynomial", "cosine", "one-cycle", "one-cycle-options"],
)
def test_rates_by_step_are_torchs(ours, make):
    assert [ours.rate(step, 40, 4) for step in range(40)] == pytest.approx(torch_rates(make, 40))


def test_one_cycle_ends_where_torchs_does():
    assert OneCycle().rate(39, 40, 4) == pytest.approx(4e-6)
    assert OneCycle().rate(99, 40, 4) == pytest.approx(4e-6)
    assert OneCycle().rate(0, 1, 1) == 1.0


SCORES = [
    0.5,
    0.6,
    0.6,
    0.60005,
    0.59,
    0.7,
    0.7,
    0.7,
    0.2,
    float("nan"),
    0.1,
    0.71,
    0.7,
    0.7,
    0.7,
    0.7,
    0.7,
    0.7,
    0.9,
    0.1,
]


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("cooldown", [0, 2])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_plateau_cuts_when_torchs_does(patience, cooldown, mode):
    ours = Plateau(factor=0.5, patience=patience, cooldown=cooldown, min_delta=1e-3, mode=mode, floor=0.05)

    def make(o):
        return lr_scheduler.ReduceLROnPlateau(
            o, mode, 0.5, patience, 1e-3, "abs", cooldown=cooldown, min_lr=BASE * 0.05, eps=0
        )

    rates = []
    for score in SCORES:
        rates.append(ours.rate(3, 10, 2))
        ours = ours.observe(score)
    assert rates == pytest.approx(torch_rates(make, len(SCORES), SCORES))
    assert rates[-1] < 1.0


def test_exponential_falls_smoothly_between_epochs():
    assert Exponential(0.25, every=2.0).rate(10, 100, 10) == pytest.approx(0.5)


def test_warm_up_rises_in_a_line_and_leaves_the_rest_alone():
    warm = WarmUp(Constant(), 4)
    assert [warm.rate(step, 10, 2) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert WarmUp(Constant(), 0).rate(0, 10, 2) == 1.0
    assert WarmUp(Cosine(), 4).rate(7, 10, 2) == Cosine().rate(7, 10, 2)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: Exponential(0.0, -1.0), ["'exponential'", "decay = 0.0", "every = -1.0"]),
        (lambda: Step(0, 2.0), ["'step'", "every = 0", "factor = 2.0"]),
        (lambda: MultiStep((3, 2), 0.0), ["'multi-step'", "milestones", "factor = 0.0"]),
        (lambda: MultiStep(()), ["milestones"]),
        (lambda: MultiStep((0, 2)), ["milestones"]),
        (lambda: Polynomial(0.0, 1.5), ["'polynomial'", "power = 0.0", "floor = 1.5"]),
        (lambda: Cosine(-0.1), ["'cosine'", "floor = -0.1"]),
        (lambda: OneCycle(1.0, 2.0, -1.0), ["'one-cycle'", "rise = 1.0", "start = 2.0", "end = -1.0"]),
        (lambda: WarmUp(Constant(), -1), ["warm-up", "steps = -1"]),
        (
            lambda: Plateau(1.0, -1, -1.0, -1, 2.0, "best"),
            ["'plateau'", "factor = 1.0", "patience = -1", "min_delta", "cooldown = -1", "floor = 2.0", "'best'"],
        ),
    ],
)
def test_every_option_out_of_range_is_named(make, parts):
    with pytest.raises(InvalidSpecError) as caught:
        make()
    for part in parts:
        assert part in str(caught.value)


def test_the_table_names_every_schedule():
    assert list(SCHEDULES) == [
        "constant", "exponential", "step", "multi-step", "polynomial", "cosine", "one-cycle", "plateau",
    ]  # fmt: skip
    assert MultiStep([1, 2]).milestones == (1, 2)


@pytest.mark.parametrize("every", [0.1, 0.2, 0.3, 0.7, 1.1, 2.2])
def test_tenths_of_an_epoch_fall_at_their_own_update(every):
    """As exact fractions have it: 0.3 divided by 0.1 is a little less than 3."""
    tenths = round(10 * every)
    for step in range(100):
        assert Step(every, 0.5).rate(step, 1000, 10) == 0.5 ** (step // tenths)
