"""Promises of the moving average of weights."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segport.domain.errors import InvalidSpecError
from segport.domain.training.averaging import Averaging, misfits
from segport.plugins.conformance.subject import lively, small_spec

decays = st.floats(0.001, 0.9999)
values = st.floats(-1e6, 1e6, width=32)
tracks = arrays(np.float32, st.tuples(st.integers(2, 30), st.just(3)), elements=values)


def averaged(averaging: Averaging, track: np.ndarray) -> np.ndarray:
    """From the first row on, after an update to each of the others."""
    average = track[0]
    for step, weight in enumerate(track[1:], start=1):
        average = averaging.update(average, weight, step)
    assert average.dtype == np.float32
    return average


@given(decays, arrays(np.float32, 4, elements=values), st.integers(1, 50))
def test_weights_that_do_not_move_are_their_own_average_to_the_last_bit(decay, weight, updates):
    assert averaged(Averaging(decay), np.stack([weight] * (updates + 1))).tobytes() == (weight + 0).tobytes()


@given(decays, tracks)
def test_an_average_lies_between_the_least_and_the_largest_of_its_weights(decay, track):
    average, rounding = averaged(Averaging(decay), track), 1e-6 * np.abs(track).max(0)
    assert (track.min(0) - rounding <= average).all()
    assert (average <= track.max(0) + rounding).all()


@settings(deadline=None)
@given(decays, tracks)
def test_an_average_is_the_sum_of_its_weights_each_times_what_is_left_of_its_share(decay, track):
    updates = range(1, len(track))
    kept = [min(decay, (1 + t) / (10 + t)) for t in updates]
    parts = [math.prod(kept), *((1 - kept[t - 1]) * math.prod(kept[t:]) for t in updates)]
    assert sum(parts) == pytest.approx(1.0)
    wanted = np.asarray(parts) @ track.astype(np.float64)
    np.testing.assert_allclose(averaged(Averaging(decay), track), wanted, atol=3e-6 * max(1.0, np.abs(track).max()))


@given(st.integers(1, 40))
def test_while_it_warms_up_the_first_weights_fade_as_a_ratio_of_factorials(updates):
    """The product of (1 + t) / (10 + t) over the updates."""
    track = np.zeros((updates + 1, 1), np.float32)
    track[0] = 1
    left = math.factorial(10) * math.factorial(updates + 1) / math.factorial(updates + 10)
    assert averaged(Averaging(0.9999), track)[0] == pytest.approx(left, rel=1e-4)


@given(decays)
def test_the_share_falls_to_that_of_the_decay_and_stays(decay):
    shares = [Averaging(decay).share(step) for step in range(1, 200)]
    assert all(a >= b for a, b in pairwise(shares))
    assert all(0 < share < 1 for share in shares)
    assert Averaging(decay).share(10**9) == 1 - decay


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_a_decay_is_above_0_and_below_1(decay: float) -> None:
    with pytest.raises(InvalidSpecError, match="averaging") as caught:
        Averaging(decay)
    assert "above 0 and below 1" in str(caught.value)


def test_averages_of_another_model_and_those_nobody_asked_for_are_misfits() -> None:
    graph = small_spec().graph
    own = lively(graph, 0)
    assert misfits(None, graph, {}) == misfits(Averaging(0.9), graph, own) == []
    assert misfits(None, graph, own) == ["averages: there are some, expected none"]
    assert misfits(Averaging(0.9), graph, {}) == ["averages: missing"]
    del own["head.bias"]
    (problem,) = misfits(Averaging(0.9), graph, own)
    assert problem.startswith("average of head.bias: ")
