"""Instances and connected components against plain loops."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.masks import instances
from segport.domain.masks.components import connected_components
from segport.domain.masks.planes import Overlap

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))
bits = st.integers(0, 1)
stacks = st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 255]))
)
choosing = st.sampled_from([Overlap.FIRST, Overlap.LAST, Overlap.SMALLEST])


def winner(stack: np.ndarray, rule: Overlap, y: int, x: int) -> int | None:
    claims = [int(k) for k in np.flatnonzero(stack[:, y, x])]
    if not claims:
        return None
    if rule is Overlap.SMALLEST:
        return min(claims, key=lambda k: (np.count_nonzero(stack[k]), k))
    return claims[0] if rule is Overlap.FIRST else claims[-1]


@given(stacks, choosing)
def test_ids_name_the_instance_that_wins(stack: np.ndarray, rule: Overlap) -> None:
    ids = instances.to_ids(list(stack), stack.shape[1:], rule)
    assert ids.dtype == np.int32
    for y, x in np.ndindex(ids.shape):
        index = winner(stack, rule, y, x)
        assert ids[y, x] == (0 if index is None else index + 1)


@given(stacks, choosing, st.data())
def test_labels_are_those_of_the_instance_that_wins(stack: np.ndarray, rule: Overlap, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.integers(1, 3), min_size=len(stack), max_size=len(stack)))
    labels = instances.to_labels(list(stack), kinds, stack.shape[1:], rule)
    for y, x in np.ndindex(labels.shape):
        index = winner(stack, rule, y, x)
        assert labels[y, x] == (0 if index is None else kinds[index])


@given(stacks)
def test_the_union_is_where_any_mask_is(stack: np.ndarray) -> None:
    labels = instances.union(iter(stack), stack.shape[1:])
    np.testing.assert_array_equal(labels, stack.any(axis=0))


@given(sizes.flatmap(lambda size: arrays(np.int32, size, elements=st.integers(0, 5))), st.sampled_from(Overlap))
def test_ids_are_undone_exactly(ids: np.ndarray, rule: Overlap) -> None:
    masks = instances.from_ids(ids, 6)
    assert len(masks) == 6
    np.testing.assert_array_equal(instances.to_ids(masks, ids.shape, rule), ids)
    assert len(instances.from_ids(ids)) == ids.max()


def test_overlaps_are_refused_when_asked_and_named() -> None:
    left, all_of_it = np.array([[1, 0]]), np.array([[1, 1]])
    with pytest.raises(DataError, match="mask 1 and mask 0: 1 pixels"):
        instances.to_ids([left, all_of_it], (1, 2), Overlap.REFUSE)
    with pytest.raises(DataError, match="mask 1 and mask 0: 1 pixels"):
        instances.to_labels([left, all_of_it], [1, 2], (1, 2), Overlap.REFUSE)
    assert instances.to_labels([left, all_of_it], [2, 2], (1, 2), Overlap.REFUSE).tolist() == [[2, 2]]


def test_every_mask_of_another_size_is_named() -> None:
    with pytest.raises(DataError) as caught:
        instances.to_ids([np.zeros((2, 2)), np.zeros((1, 2)), np.zeros((3, 2))], (2, 2), Overlap.FIRST)
    assert caught.value.problems == ("mask 1 is (1, 2)", "mask 2 is (3, 2)")
    with pytest.raises(DataError, match=r"mask 1 is \(1, 2\)"):
        instances.union(iter([np.zeros((2, 2)), np.zeros((1, 2))]), (2, 2))
    with pytest.raises(DataError, match="1 masks but 2 labels"):
        instances.to_labels([np.zeros((2, 2))], [1, 2], (2, 2), Overlap.FIRST)
    with pytest.raises(DataError, match="0 to 1; found 0 to 2"):
        instances.from_ids(np.array([[0, 2]]), 1)


def flood_fill(mask: np.ndarray, connectivity: int) -> np.ndarray:
    steps = [(0, 1), (0, -1), (1, 0), (-1, 0)]
    if connectivity == 8:
        steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    ids = np.zeros(mask.shape, np.int32)
    found = 0
    for seed in np.ndindex(mask.shape):
        if not mask[seed] or ids[seed]:
            continue
        found += 1
        ids[seed] = found
        stack = [seed]
        while stack:
            y, x = stack.pop()
            for dy, dx in steps:
                place = (y + dy, x + dx)
                if 0 <= place[0] < mask.shape[0] and 0 <= place[1] < mask.shape[1] and mask[place] and not ids[place]:
                    ids[place] = found
                    stack.append(place)
    return ids


@given(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).flatmap(lambda size: arrays(np.uint8, size, elements=bits)),
    st.sampled_from([4, 8]),
)
def test_components_agree_with_flood_fill(mask: np.ndarray, connectivity: int) -> None:
    ids, count = connected_components(mask, connectivity)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, flood_fill(mask, connectivity))
    assert count == ids.max(initial=0)


@pytest.mark.parametrize("density", [0.3, 0.5, 0.6])
def test_components_of_noise_agree_with_flood_fill(density: float) -> None:
    mask = np.random.default_rng(41).random((70, 90)) < density
    for connectivity in (4, 8):
        np.testing.assert_array_equal(connected_components(mask, connectivity)[0], flood_fill(mask, connectivity))


def spiral(size: int) -> np.ndarray:
    """One path, one pixel wide, that winds inwards: the longest chain of runs there is."""
    mask = np.zeros((size, size), np.uint8)
    y, x, dy, dx = 0, 0, 0, 1
    mask[0, 0] = 1
    for length in [size - 1, *(n for n in range(size - 1, 0, -2) for _ in (0, 1))]:
        for _ in range(length):
            y, x = y + dy, x + dx
            mask[y, x] = 1
        dy, dx = dx, -dy
    return mask


def test_a_spiral_is_one_component_found_quickly() -> None:
    mask = spiral(1001)
    began = time.process_time()
    ids, count = connected_components(mask, 4)
    assert time.process_time() - began < 1
    assert count == 1
    np.testing.assert_array_equal(ids, mask)


def test_connectivity_is_4_or_8_and_masks_are_flat() -> None:
    assert connected_components(np.eye(3), 4)[1] == 3
    assert connected_components(np.eye(3), 8)[1] == 1
    with pytest.raises(InvalidSpecError, match="not 6"):
        connected_components(np.eye(3), 6)
    with pytest.raises(DataError, match=r"\(H, W\)"):
        connected_components(np.zeros((2, 2, 2)))
