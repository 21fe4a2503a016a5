"""Attention: what holds whatever the maps hold."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segport.adapters.reference.ops import attend

Maps = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@st.composite
def maps(draw: st.DrawFn) -> tuple[Maps, int]:
    """Queries, and keys and values of another size, with a number of heads that divides their channels."""
    heads, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    sizes = [draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2)]
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, keys, values = (generator.normal(0, 3, (2, heads * width, *size)) for size in (*sizes, sizes[1]))
    return (queries, keys, values), heads


def shuffled(x: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """The pixels of a map in another order."""
    return x.reshape(*x.shape[:2], -1)[:, :, order].reshape(x.shape)


@given(drawn=maps(), seed=st.integers(0, 2**32))
def test_it_follows_the_order_of_the_queries_and_knows_none_of_the_keys(drawn: tuple[Maps, int], seed: int) -> None:
    (queries, keys, values), heads = drawn
    generator, right = np.random.default_rng(seed), attend(queries, keys, values, heads)
    asked, seen = (generator.permutation(x.shape[2] * x.shape[3]) for x in (queries, keys))
    found = attend(shuffled(queries, asked), shuffled(keys, seen), shuffled(values, seen), heads)
    np.testing.assert_allclose(found, shuffled(right, asked), atol=1e-12)


@given(drawn=maps())
def test_equal_keys_give_the_mean_of_the_values(drawn: tuple[Maps, int]) -> None:
    (queries, keys, values), heads = drawn
    mean = np.broadcast_to(values.mean((2, 3), keepdims=True), queries.shape)
    np.testing.assert_allclose(attend(queries, np.ones_like(keys), values, heads), mean, atol=1e-12)


@given(drawn=maps())
def test_no_mean_is_outside_of_what_is_averaged(drawn: tuple[Maps, int]) -> None:
    (queries, keys, values), heads = drawn
    found = attend(1e6 * queries, keys, values, heads)  # whatever the scores, they do not overflow
    assert (found <= values.max((2, 3), keepdims=True) + 1e-12).all()
    assert (found >= values.min((2, 3), keepdims=True) - 1e-12).all()


@given(drawn=maps())
def test_a_head_sees_its_own_channels_alone(drawn: tuple[Maps, int]) -> None:
    (queries, keys, values), heads = drawn
    whole = attend(queries, keys, values, heads)
    parts = [attend(q, k, v, 1) for q, k, v in zip(*(np.split(x, heads, 1) for x in drawn[0]), strict=True)]
    np.testing.assert_allclose(whole, np.concatenate(parts, 1), atol=1e-12)


@given(drawn=maps(), pixel=st.integers(0, 15))
def test_a_key_that_agrees_far_better_than_all_others_gives_its_own_value(drawn: tuple[Maps, int], pixel: int) -> None:
    (queries, keys, values), _ = drawn
    row, column = np.unravel_index(pixel % (keys.shape[2] * keys.shape[3]), keys.shape[2:])
    keys = np.zeros_like(keys)
    keys[:, :, row, column] = 1
    found = attend(np.full_like(queries, 100.0), keys, values, 1)
    np.testing.assert_allclose(found, np.broadcast_to(values[:, :, row, column, None, None], found.shape), atol=1e-12)
