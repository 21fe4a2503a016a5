"""Early stopping and the choice of the best epoch."""

from __future__ import annotations

import math

import pytest

from segport.domain.errors import InvalidSpecError
from segport.domain.training.selection import Best
from segport.domain.training.stopping import EarlyStopping

NAN = float("nan")


def after(value, scores):
    for score in scores:
        value = value.observe(score)
    return value


@pytest.mark.parametrize(
    ("stopping", "scores", "stops_after"),
    [
        (EarlyStopping(2), [0.1, 0.2, 0.2, 0.1], 4),
        (EarlyStopping(1), [0.1, 0.2, 0.2], 3),
        (EarlyStopping(2), [NAN, NAN], 2),
        (EarlyStopping(2, min_delta=0.1), [0.1, 0.15, 0.19], 3),
        (EarlyStopping(2, mode="min"), [3.0, 2.0, 2.5, 2.0], 4),
    ],
)
def test_stopping_comes_with_the_last_score_of_patience(stopping, scores, stops_after):
    stops = [after(stopping, scores[:count]).stop for count in range(len(scores) + 1)]
    assert stops.index(True) == stops_after


@pytest.mark.parametrize(
    ("stopping", "scores"),
    [
        (EarlyStopping(0), [0.5] * 50),
        (EarlyStopping(2), [0.1, 0.1, 0.2, NAN, 0.3, 0.3]),
        # Small gains add up: the score to beat stays until it is beaten by enough.
        (EarlyStopping(2, min_delta=0.1), [0.1, 0.15, 0.21, 0.3, 0.32]),
    ],
)
def test_training_goes_on_while_scores_improve_or_patience_is_off(stopping, scores):
    assert not after(stopping, scores).stop


def choose(mode, scores):
    best = Best(mode)
    history = []
    for epoch, score in enumerate(scores, start=1):
        best = best.observe(epoch, score)
        history.append(best.improved)
    return best, history


def test_of_equal_scores_the_earliest_is_best():
    best, improved = choose("max", [0.1, 0.7, 0.7, 0.6, 0.7])
    assert (best.epoch, best.score) == (2, 0.7)
    assert improved == [True, True, False, False, False]


def test_smaller_is_better_in_min_mode():
    best, improved = choose("min", [3.0, 2.0, 2.0, 1.0])
    assert (best.epoch, best.score) == (4, 1.0)
    assert improved == [True, True, False, True]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_nan_and_infinity_never_win(mode):
    best, improved = choose(mode, [NAN, math.inf, 0.3, NAN, -math.inf])
    assert (best.epoch, best.score) == (3, 0.3)
    assert improved == [False, False, True, False, False]


def test_before_the_first_score_there_is_no_best():
    assert Best().epoch == 0
    assert math.isnan(Best().score)
    assert not Best().improved


@pytest.mark.parametrize("make", [lambda: Best("largest"), lambda: EarlyStopping(mode="largest")])
def test_an_unknown_mode_is_refused(make):
    with pytest.raises(InvalidSpecError, match="'largest'"):
        make()


def test_every_option_out_of_range_is_named():
    with pytest.raises(InvalidSpecError) as caught:
        EarlyStopping(-1, min_delta=NAN)
    assert "patience = -1" in str(caught.value)
    assert "min_delta = nan" in str(caught.value)
