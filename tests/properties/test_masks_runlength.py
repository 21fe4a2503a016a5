"""Run lengths against pycocotools, and against a pixel-by-pixel writer of the Kaggle form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from segport.domain.errors import DataError
from segport.domain.masks import runlength

masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda size: arrays(np.uint8, size, elements=st.sampled_from([0, 1, 255]), fill=st.just(0))
)
counts = st.lists(st.integers(0, 2**31 - 1), max_size=20)


def kaggle_by_pixels(mask: np.ndarray) -> str:
    """The well-known starter kernel: pixels column by column, each extending the last run or opening a new one."""
    runs: list[int] = []
    before = -2
    for pixel in np.flatnonzero(mask.T.ravel()):
        if pixel > before + 1:
            runs.extend((int(pixel) + 1, 0))
        runs[-1] += 1
        before = pixel
    return " ".join(map(str, runs))


@given(masks)
def test_compressed_strings_are_those_of_pycocotools(mask: np.ndarray) -> None:
    expected = coco.encode(np.asfortranarray((mask != 0).astype(np.uint8)))["counts"].decode()
    assert runlength.compress(runlength.to_counts(mask)) == expected


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools itself
@given(masks)
def test_pycocotools_reads_our_counts(mask: np.ndarray) -> None:
    height, width = mask.shape
    ours = {"size": [height, width], "counts": runlength.to_counts(mask)}
    np.testing.assert_array_equal(coco.decode(coco.frPyObjects(ours, height, width)), mask != 0)


@given(masks)
def test_coco_counts_are_undone_exactly(mask: np.ndarray) -> None:
    encoded = runlength.to_counts(mask)
    assert sum(encoded) == mask.size
    assert all(count > 0 for count in encoded[1:])
    np.testing.assert_array_equal(runlength.from_counts(encoded, mask.shape), mask != 0)


@given(counts)
def test_any_counts_survive_compression(numbers: list[int]) -> None:
    assert runlength.decompress(runlength.compress(numbers)) == numbers


@given(masks)
def test_kaggle_text_is_that_of_the_pixel_loop(mask: np.ndarray) -> None:
    assert runlength.to_kaggle(mask) == kaggle_by_pixels(mask)


@given(masks)
def test_kaggle_text_is_undone_exactly(mask: np.ndarray) -> None:
    decoded = runlength.from_kaggle(runlength.to_kaggle(mask), mask.shape)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, mask != 0)


def test_both_forms_run_down_the_columns() -> None:
    mask = np.array([[0, 1], [1, 1]], np.uint8)
    assert runlength.to_counts(mask) == [1, 3]
    assert runlength.to_counts(1 - mask) == [0, 1, 3]
    assert runlength.to_kaggle(mask) == "2 3"
    assert runlength.to_kaggle(np.zeros((2, 2), np.uint8)) == ""


def test_adjacent_kaggle_runs_are_one_region() -> None:
    assert runlength.from_kaggle("1 2 3 1", (2, 2)).tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3", "found 3 numbers"),
        ("1 x", "integers only"),
        ("1 99999999999999999999", "integers only"),
        ("0 2", "counted from 1; found 0"),
        ("1 0", "at least 1; found 0"),
        ("3 2 1 1", "in order"),
        ("1 3 2 1", "must not overlap"),
        ("4 2", "reach pixel 5, but there are 4"),
    ],
)
def test_broken_kaggle_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        runlength.from_kaggle(text, (2, 2))


def test_all_faults_of_a_kaggle_text_are_shown_at_once() -> None:
    with pytest.raises(DataError) as caught:
        runlength.from_kaggle("5 1 0 0", (2, 2))
    assert len(caught.value.problems) == 4


def test_broken_counts_are_refused() -> None:
    with pytest.raises(DataError, match="cover 5 pixels, but 2 by 2 are 4"):
        runlength.from_counts([2, 3], (2, 2))
    with pytest.raises(DataError, match="negative; found -1"):
        runlength.from_counts([5, -1], (2, 2))
    with pytest.raises(DataError, match="no character ' '"):
        runlength.decompress("0 1")
    with pytest.raises(DataError, match="cut off"):
        runlength.decompress(runlength.compress([100])[:-1])
    with pytest.raises(DataError, match=r"\(H, W\)"):
        runlength.to_counts(np.zeros((2, 2, 1)))
