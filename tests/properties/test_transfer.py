"""Weights taken over: every tensor of either side is accounted for, and only equals by name and shape are moved.

Axes of length 1 at the end do not count.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segport.domain.architecture.transfer import transfer

Arrays = dict[str, NDArray[np.float32]]


def filled(value: float) -> st.SearchStrategy[Arrays]:
    """A few tensors of the same few names, in shapes that are often equal; all hold ``value``."""
    shapes = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([(), (1,), (2,), (2, 1), (1, 2)]))
    return shapes.map(lambda found: {name: np.full(shape, value, np.float32) for name, shape in found.items()})


@given(initial=filled(0), source=filled(1))
def test_every_tensor_is_accounted_for_once(initial: Arrays, source: Arrays) -> None:
    moved = transfer(initial, source)
    assert sorted([*moved.matched, *moved.reinitialised]) == sorted(initial)
    assert sorted([*moved.matched, *moved.left_over]) == sorted(source)


@given(initial=filled(0), source=filled(1))
def test_what_matches_by_name_and_shape_is_the_sources_and_nothing_else(initial: Arrays, source: Arrays) -> None:
    moved = transfer(initial, source)
    assert list(moved.weights) == list(initial)
    for name, array in moved.weights.items():
        equal = name in source and core(source[name].shape) == core(initial[name].shape)
        assert (name in moved.matched) == equal
        assert array.shape == initial[name].shape
        assert (array == (1 if equal else 0)).all()


def core(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)).rstrip("x1")


@given(initial=filled(0), source=filled(1))
def test_a_second_time_changes_nothing(initial: Arrays, source: Arrays) -> None:
    once = transfer(initial, source)
    twice = transfer(once.weights, source)
    assert all(np.array_equal(twice.weights[name], once.weights[name]) for name in initial)
    assert (twice.matched, twice.left_over) == (once.matched, once.left_over)


@given(initial=filled(0))
def test_all_of_itself_matches_and_nothing_of_nothing(initial: Arrays) -> None:
    assert transfer(initial, initial).matched == tuple(initial)
    assert transfer(initial, {}).reinitialised == tuple(initial)
