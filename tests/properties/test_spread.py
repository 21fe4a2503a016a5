"""Mean and standard deviation over seeds, against NumPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segport.domain.metrics.spread import Spread

SCORES = st.lists(st.floats(0, 1) | st.just(math.nan), max_size=8)


@given(SCORES)
def test_it_is_the_sample_s_and_nan_is_no_number(scores: list[float]) -> None:
    numbers = [score for score in scores if not math.isnan(score)]
    spread = Spread.of(scores)
    assert spread.n == len(numbers)
    assert spread.mean == pytest.approx(np.mean(numbers) if numbers else math.nan, abs=1e-12, nan_ok=True)
    sd = np.std(numbers, ddof=1) if len(numbers) > 1 else math.nan
    assert spread.sd == pytest.approx(sd, abs=1e-12, nan_ok=True)


@given(SCORES, st.floats(-1, 1))
def test_moving_every_score_moves_the_mean_alone(scores: list[float], by: float) -> None:
    spread, moved = Spread.of(scores), Spread.of([score + by for score in scores])
    assert moved.mean == pytest.approx(spread.mean + by, abs=1e-9, nan_ok=True)
    assert moved.sd == pytest.approx(spread.sd, abs=1e-9, nan_ok=True)
